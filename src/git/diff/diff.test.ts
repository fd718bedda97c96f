import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitSandbox } from '../../../test/support/git.js';
import { CountingMeter, MemoryObjects } from '../../../test/support/git-objects.js';
import { mergeHistory } from '../../../test/support/merge-history.js';
import { Random } from '../../../test/support/random.js';
import { type Change, diffLines, diffTrees, type FileDiff, LineTable } from './index.js';

const sandbox = new GitSandbox();
const dir = sandbox.path('repo');
let objects: MemoryObjects;
let trees: string[] = [];

beforeAll(async () => {
  await sandbox.git(['init', '-q', '--bare', dir]);
  const input = Readable.from(mergeHistory({ seed: 21, commits: 160, files: 50 }));
  await sandbox.git(['fast-import', '--quiet', '--done'], { cwd: dir, input });
  objects = MemoryObjects.fromRepository(dir);
  const { stdout } = await sandbox.git(['log', '--all', '--format=%T'], { cwd: dir });
  trees = stdout.split('\n').filter(Boolean);
});
afterAll(() => sandbox.dispose());

function git(...args: string[]): string {
  return execFileSync('git', ['-c', 'core.quotePath=false', ...args], { cwd: dir, env: sandbox.env }).toString();
}

/** `git diff --numstat -z` as rows of insertions, deletions, old path (of renames) and path. */
function numstat(a: string, b: string): string[] {
  const words = git('diff', '-M', '--numstat', '-z', a, b).split('\0');
  const rows: string[] = [];
  for (let at = 0; at < words.length - 1; ) {
    const [insertions, deletions, path] = words[at]!.split('\t');
    const renamed = path === '';
    rows.push([insertions, deletions, ...(renamed ? [words[at + 1], words[at + 2]] : [path])].join(' '));
    at += renamed ? 3 : 1;
  }
  return rows.sort();
}

function ownNumstat(files: readonly FileDiff[]): string[] {
  const rows = files.map(({ binary, insertions, deletions, oldPath, path }) =>
    [...(binary ? ['-', '-'] : [insertions, deletions]), ...(oldPath === undefined ? [] : [oldPath]), path].join(' '),
  );
  return rows.sort();
}

/** The hunks of a file as the text of a patch, without the heading behind the numbers. */
function patch({ hunks }: FileDiff): string[] {
  return hunks.flatMap((hunk) => [
    `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`,
    ...hunk.lines.map(({ type, content }) => ({ context: ' ', addition: '+', deletion: '-' })[type] + content),
  ]);
}

function range(start: number, lines: number): string {
  return lines === 1 ? `${start}` : `${start},${lines}`;
}

function gitPatch(a: string, b: string): string[] {
  const lines = git('diff', '-M', '--no-color', a, b, '--').split('\n');
  const body: string[] = [];
  let inHunk = false;
  for (const line of lines) {
    if (line.startsWith('@@')) inHunk = true;
    else if (/^(diff|index|Binary|rename|similarity|old mode|new mode|deleted|new file)/.test(line)) inHunk = false;
    if (inHunk && !line.startsWith('\\') && line !== '') body.push(line.replace(/^(@@ .*? @@).*/, '$1'));
  }
  return body;
}

test('counts and hunks are those of git diff over near and far commits', () => {
  const meter = new CountingMeter();
  let renames = 0;
  for (let i = 0; i < trees.length - 60; i += 4) {
    for (const distance of [1, 7, 60]) {
      const [old, now] = [trees[i + distance]!, trees[i]!];
      const { files, insertions } = diffTrees(objects, old, now, 'hunks', meter);
      expect(ownNumstat(files)).toEqual(numstat(old, now));
      const own = files.filter(({ hunks }) => hunks.length > 0);
      // A file that became a link is one change here and two patches in git.
      if (!git('diff', '-M', '--raw', old, now).includes(' T\t')) {
        expect(own.flatMap(patch).filter((line) => line !== '')).toEqual(gitPatch(old, now));
      }
      expect(diffTrees(objects, old, now, 'stat', meter)).toEqual({
        files: files.map((file) => ({ ...file, hunks: [] })),
        insertions,
        deletions: files.reduce((sum, file) => sum + file.deletions, 0),
      });
      renames += files.filter(({ status }) => status === 'renamed').length;
    }
  }
  expect(renames).toBeGreaterThan(20);
});

describe('files', () => {
  test('line numbers count on both sides', () => {
    const file = diffTrees(objects, trees[40]!, trees[0]!, 'hunks', new CountingMeter()).files;
    for (const { hunks } of file) {
      for (const { oldStart, oldLines, newStart, newLines, lines } of hunks) {
        const [old, now] = [lines.filter(({ oldLine }) => oldLine), lines.filter(({ newLine }) => newLine)];
        expect([old.length, now.length]).toEqual([oldLines, newLines]);
        expect(old.map(({ oldLine }) => oldLine)).toEqual(old.map((_, i) => oldStart + i));
        expect(now.map(({ newLine }) => newLine)).toEqual(now.map((_, i) => newStart + i));
      }
    }
  });

  test('a tree without its objects is an error with a code', () => {
    const call = () => diffTrees(new MemoryObjects(), trees[0]!, trees[1]!, 'stat', new CountingMeter());
    expect(call).toThrow(expect.objectContaining({ code: 'OBJECT_CORRUPTED' }));
  });
});

describe('texts', () => {
  /** Few different lines make many equally good diffs; long ones reach the heuristics. */
  function randomText(random: Random, lines: number, kinds: number): string[] {
    return Array.from({ length: lines }, () => `${' '.repeat(2 * random.below(3))}${random.below(kinds)}`);
  }

  function edit(lines: readonly string[], random: Random, edits: number, kinds: number): string[] {
    const changed = [...lines];
    for (let i = 0; i < edits; i += 1) {
      const at = random.below(changed.length + 1);
      changed.splice(at, random.below(4), ...randomText(random, random.below(4), kinds));
    }
    return changed;
  }

  function fromGit(algorithm: string, before: string, after: string): Change[] {
    const [a, b] = [before, after].map((content) =>
      execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: dir, input: content, env: sandbox.env })
        .toString()
        .trim(),
    ) as [string, string];
    const heuristic = algorithm === 'myers' ? '--indent-heuristic' : '--no-indent-heuristic';
    const out = git('diff', '-U0', `--diff-algorithm=${algorithm}`, heuristic, a, b);
    return [...out.matchAll(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm)].map(([, s, c = '1', t, d = '1']) => ({
      oldStart: Number(s) - (c === '0' ? 0 : 1),
      oldCount: Number(c),
      newStart: Number(t) - (d === '0' ? 0 : 1),
      newCount: Number(d),
    }));
  }

  test.each(['myers', 'histogram'] as const)('%s finds the changes that git finds', (algorithm) => {
    const random = new Random(algorithm === 'myers' ? 31 : 32);
    for (let round = 0; round < 60; round += 1) {
      const large = round % 20 === 19;
      const kinds = random.pick([2, 5, 30, 400]);
      const old = randomText(random, large ? 3000 : random.below(120), kinds);
      const unrelated = random.chance(0.2);
      const now = unrelated
        ? randomText(random, large ? 2500 : random.below(120), kinds)
        : edit(old, random, large ? 700 : 8, kinds);
      const end = random.chance(0.8) ? '\n' : '';
      const [before, after] = [old.join('\n') + end, now.join('\n') + end];
      const table = new LineTable();
      const [a, b] = [table.split(Buffer.from(before)), table.split(Buffer.from(after))];
      const own = diffLines(a, b, algorithm, table.size, new CountingMeter());
      expect({ round, changes: own }).toEqual({ round, changes: fromGit(algorithm, before, after) });
    }
  });
});
