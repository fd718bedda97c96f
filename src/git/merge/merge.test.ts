import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitSandbox } from '../../../test/support/git.js';
import { CountingMeter, MemoryObjects } from '../../../test/support/git-objects.js';
import { gitMerges, loadGraph, type Outcome } from '../../../test/support/merge-replay.js';
import { mergeTrees, planMerge } from './index.js';

/** Content by path; a mode other than 100644 stands in front of it. A number of lines gives a text of that length. */
type Files = Record<string, string>;

const sandbox = new GitSandbox();
const dir = sandbox.path('repo');
let commits = 0;

beforeAll(async () => {
  await sandbox.git(['init', '-q', '--bare', dir]);
});
afterAll(() => sandbox.dispose());

async function commit(files: Files, parents: string[] = []): Promise<string> {
  commits += 1;
  const lines = [`commit refs/heads/c${commits}`, `mark :1`];
  lines.push(`committer A <a@example.com> ${1_700_000_000 + commits} +0000`, 'data 1\nx');
  parents.forEach((parent, i) => {
    lines.push(`${i === 0 ? 'from' : 'merge'} ${parent}`);
  });
  lines.push('deleteall');
  for (const [path, value] of Object.entries(files)) {
    const [, mode = '100644', content = ''] = /^(?:(\d{6}) )?([\s\S]*)$/.exec(value)!;
    if (mode === '160000') lines.push(`M 160000 ${content} ${path}`);
    else lines.push(`M ${mode} inline ${path}`, `data ${Buffer.byteLength(content)}\n${content}`);
  }
  await sandbox.git(['fast-import', '--quiet', '--force'], { cwd: dir, input: `${lines.join('\n')}\n\n` });
  return (await sandbox.git(['rev-parse', `c${commits}`], { cwd: dir })).stdout.trim();
}

/** Merges two commits with git and with ours and expects the same; returns it. */
async function compare(ours: string, theirs: string): Promise<Outcome> {
  const objects = MemoryObjects.fromRepository(dir);
  const graph = await loadGraph(sandbox, dir, objects);
  const plan = planMerge(graph, graph.indexOf(ours), graph.indexOf(theirs));
  const { tree, conflicts } = mergeTrees(objects, plan, new CountingMeter(), { ours, theirs });
  const [git] = await gitMerges(sandbox, dir, [[ours, theirs]]);
  expect({ clean: conflicts.length === 0, tree, conflicts }).toEqual(git);
  return git!;
}

async function threeWay(base: Files, ours: Files, theirs: Files): Promise<Outcome> {
  const root = await commit(base);
  return compare(await commit(ours, [root]), await commit(theirs, [root]));
}

const text = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');
const long = text(0, 30);
const changed = (line: number, value: string) => long.replace(`line ${line}\n`, value);
const link = (target: string) => `120000 ${target}`;
const module = (digit: string) => `160000 ${digit.repeat(40)}`;

describe('content', () => {
  const CASES: [string, boolean, string, string, string][] = [
    ['changes apart', true, long, changed(2, 'ours\n'), changed(20, 'theirs\n')],
    ['the same change', true, long, changed(2, 'both\n'), changed(2, 'both\n')],
    ['changes of one line', false, long, changed(2, 'ours\n'), changed(2, 'theirs\n')],
    ['neighbouring lines', false, long, changed(2, 'ours\n'), changed(3, 'theirs\n')],
    [
      'conflicts three lines apart',
      false,
      long,
      changed(2, 'a\n').replace('line 6\n', 'a\n'),
      changed(2, 'b\n').replace('line 6\n', 'b\n'),
    ],
    ['a conflict that is mostly the same', false, long, changed(9, text(50, 60)), changed(9, `${text(50, 59)}other\n`)],
    ['a last line without line feed', false, 'a\nb', 'a\nours', 'a\ntheirs'],
    ['CRLF lines', false, 'a\r\nb\r\nc\r\n', 'a\r\nours\r\nc\r\n', 'a\r\ntheirs\r\nc\r\n'],
    ['text from nothing on one side', true, '', '', 'new\n'],
    ['binary content', false, 'a\0b', 'a\0ours', 'a\0theirs'],
    ['binary content of one side', true, 'a\0b', 'a\0b', 'a\0theirs'],
  ];
  test.each(CASES)('%s', async (_, clean, base, ours, theirs) => {
    const wrap = (content: string) => ({ f: content, keep: 'keep\n' });
    expect((await threeWay(wrap(base), wrap(ours), wrap(theirs))).clean).toBe(clean);
  });
});

describe('paths', () => {
  const CASES: [string, string[], Files, Files, Files][] = [
    ['add/add', ['f'], { k: 'k' }, { k: 'k', f: 'ours\n' }, { k: 'k', f: 'theirs\n' }],
    ['modify/delete', ['f'], { k: 'k', f: long }, { k: 'k' }, { k: 'k', f: changed(3, 'x\n') }],
    ['both deleted', [], { k: 'k', f: long }, { k: 'k' }, { k: 'k' }],
    ['mode changes', [], { f: long }, { f: `100755 ${long}` }, { f: changed(3, 'x\n') }],
    ['symlinks', ['l'], { l: link('a') }, { l: link('b') }, { l: link('c') }],
    ['submodules', ['s'], { s: module('1') }, { s: module('2') }, { s: module('3') }],
    ['submodule of one side', [], { s: module('1'), k: 'k' }, { s: module('1'), k: 'j' }, { s: module('3'), k: 'k' }],
    ['rename and change', [], { f: long, k: 'k' }, { g: long, k: 'k' }, { f: changed(3, 'x\n'), k: 'k' }],
    [
      'rename, changed on both sides',
      [],
      { f: long, k: 'k' },
      { 'd/g': changed(20, 'y\n'), k: 'k' },
      { f: changed(3, 'x\n'), k: 'k' },
    ],
    ['renamed alike', [], { f: long, k: 'k' }, { g: long, k: 'k' }, { g: changed(3, 'x\n'), k: 'k' }],
    ['renamed in two ways', ['f', 'g', 'h'], { f: long, k: 'k' }, { g: long, k: 'k' }, { h: long, k: 'k' }],
    ['rename/delete', ['g'], { f: long, k: 'k' }, { g: long, k: 'k' }, { k: 'k' }],
    ['rename/add', ['g'], { f: long, k: 'k' }, { g: long, k: 'k' }, { f: changed(3, 'x\n'), g: 'other\n', k: 'k' }],
    ['file/directory', [], { k: 'k' }, { k: 'k', d: 'file\n' }, { k: 'k', 'd/f': 'x\n' }],
    ['file/symlink', [], { f: long }, { f: changed(3, 'x\n') }, { f: link('a') }],
    [
      'a base name that an unimportant deleted file has too',
      [],
      { 'a/x': long, 'b/x': text(40, 60), k: 'k' },
      { 'c/x': changed(3, text(60, 66)), 'd/y': changed(3, 'y\n'), k: 'k' },
      { 'a/x': changed(20, 'x\n'), 'b/x': text(40, 60), k: 'k' },
    ],
    ['an emptied root', [], { f: long }, {}, { f: long }],
  ];
  test.each(CASES)('%s', async (_, conflicts, base, ours, theirs) => {
    const outcome = await threeWay(base, ours, theirs);
    if (conflicts.length > 0) expect(outcome.conflicts).toEqual(conflicts);
    await threeWay(base, theirs, ours);
  });
});

describe('folders', () => {
  const base = { 'old/a': text(0, 20), 'old/b': text(20, 40), 'old/c': text(40, 60), k: 'k' };
  const moved = { 'new/a': text(0, 20), 'new/b': text(20, 40), 'new/c': text(40, 60), k: 'k' };

  test('a file added to a folder that was renamed is a conflict at its new place', async () => {
    expect((await threeWay(base, moved, { ...base, 'old/d': 'added\n' })).conflicts).toEqual(['new/d']);
  });

  test('a folder split in halves leaves added files where they are', async () => {
    const split = { 'x/a': text(0, 20), 'y/b': text(20, 40), k: 'k' };
    const { 'old/c': _, ...two } = base;
    const root = await commit(two);
    const [ours, theirs] = [await commit(split, [root]), await commit({ ...two, 'old/d': 'added\n' }, [root])];
    const objects = MemoryObjects.fromRepository(dir);
    const graph = await loadGraph(sandbox, dir, objects);
    const plan = planMerge(graph, graph.indexOf(ours), graph.indexOf(theirs));
    const { tree, conflicts } = mergeTrees(objects, plan, new CountingMeter(), { ours, theirs });
    const [git] = await gitMerges(sandbox, dir, [[ours, theirs]]);
    // git says "not clean" and names no path; we name the folder that is unclear.
    expect(git).toEqual({ clean: false, tree, conflicts: [] });
    expect(conflicts).toEqual(['old']);
  });

  test('a file added to a renamed folder may land below a file that was moved away', async () => {
    const [file, keep] = [text(60, 80), { 'new/keep': 'keep\n' }];
    const theirs = { ...base, ...keep, 'new/t': file, 'old/d': 'd\n', 'old/s/d': 'added\n' };
    const outcome = await threeWay(
      { ...base, ...keep, 'new/s': file },
      { ...moved, ...keep, 'new/s': `${file}x\n` },
      theirs,
    );
    expect(outcome.conflicts).toEqual(['new/d', 'new/s/d']);
  });

  test('content of an unchanged folder stays when a renamed folder leads into it', async () => {
    const root = await commit({ ...base, 'new/z': 'z\n' });
    const ours = await commit({ ...moved, 'new/z': 'z\n' }, [root]);
    await compare(ours, await commit({ ...base, 'new/z': 'z\n', 'old/d': 'added\n' }, [root]));
  });
});

test('criss-cross histories are merged over a virtual base', async () => {
  const root = await commit({ f: long, 'd/g': long });
  const a = await commit({ f: changed(3, 'a\n'), 'd/g': long }, [root]);
  const b = await commit({ f: changed(3, 'b\n'), 'd/h': long }, [root]);
  const ab = await commit({ f: changed(3, 'ab\n'), 'd/h': long }, [a, b]);
  const ba = await commit({ f: changed(3, 'ba\n'), 'd/h': changed(9, 'x\n') }, [b, a]);
  expect((await compare(ab, ba)).conflicts).toEqual(['f']);
  const objects = MemoryObjects.fromRepository(dir);
  const graph = await loadGraph(sandbox, dir, objects);
  expect(planMerge(graph, graph.indexOf(ab), graph.indexOf(ba)).base.kind).toBe('merged');
});

test('histories without a common commit are merged over the empty tree', async () => {
  const objects = () => MemoryObjects.fromRepository(dir);
  const [ours, theirs] = [await commit({ a: 'a\n' }), await commit({ b: 'b\n' })];
  const graph = await loadGraph(sandbox, dir, objects());
  const plan = planMerge(graph, graph.indexOf(ours), graph.indexOf(theirs));
  const { tree, conflicts } = mergeTrees(objects(), plan, new CountingMeter());
  const both = await commit({ a: 'a\n', b: 'b\n' });
  expect(conflicts).toEqual([]);
  expect(tree).toBe(await treeOf(both));
});

async function treeOf(revision: string): Promise<string> {
  return (await sandbox.git(['rev-parse', `${revision}^{tree}`], { cwd: dir })).stdout.trim();
}

test('a missing object is an error with a code', async () => {
  const root = await commit({ f: long });
  const objects = new MemoryObjects();
  const tree = { kind: 'tree' as const, oid: await treeOf(root) };
  const other = { kind: 'tree' as const, oid: 'b'.repeat(40) };
  expect(() => mergeTrees(objects, { base: tree, ours: tree, theirs: other }, new CountingMeter())).toThrow(
    expect.objectContaining({ code: 'OBJECT_CORRUPTED' }),
  );
});
