import { afterAll, beforeAll, expect, test } from 'vitest';
import { planMerge } from '../../src/git/merge/index.js';
import { GitSandbox } from './git.js';
import { MemoryObjects } from './git-objects.js';
import { type GitFault, type GitResult, gitFault } from './merge-faults.js';
import { gitMerges, loadGraph } from './merge-replay.js';

type Files = Record<string, string>;

const sandbox = new GitSandbox();
const dir = sandbox.path('repo');
const content = (name: string) => Array.from({ length: 20 }, (_, i) => `${name} ${i}\n`).join('');
const BASE: Files = { 'old/a': content('a'), 'old/b': content('b'), 'other/k': content('k') };
let commits = 0;
let ours: string;
let theirs: string;

async function commit(files: Files, parent?: string): Promise<string> {
  commits += 1;
  const lines = [
    `commit refs/heads/c${commits}`,
    'mark :1',
    'committer A <a@example.com> 1700000000 +0000',
    'data 1\nx',
  ];
  if (parent !== undefined) lines.push(`from ${parent}`);
  lines.push('deleteall');
  for (const [path, text] of Object.entries(files))
    lines.push(`M 100644 inline ${path}`, `data ${text.length}\n${text}`);
  await sandbox.git(['fast-import', '--quiet'], { cwd: dir, input: `${lines.join('\n')}\n\n` });
  return parse(`c${commits}`);
}

async function parse(revision: string): Promise<string> {
  return (await sandbox.git(['rev-parse', revision], { cwd: dir })).stdout.trim();
}

async function judge(result: GitResult): Promise<GitFault | undefined> {
  const graph = await loadGraph(sandbox, dir, MemoryObjects.fromRepository(dir));
  const plan = planMerge(graph, graph.indexOf(ours), graph.indexOf(theirs));
  return gitFault(sandbox, dir, [ours, theirs], plan, result);
}

/** Ours moves a folder, theirs adds a file to it and one elsewhere. */
const MERGED: Files = {
  'new/a': BASE['old/a']!,
  'new/b': BASE['old/b']!,
  'new/c': 'c\n',
  'other/k': BASE['other/k']!,
  'other/only': 'x\n',
};
const made = async (files: Files, conflicts = ['new/c']): Promise<GitResult> => ({
  tree: await parse(`${await commit(files)}^{tree}`),
  conflicts,
});

beforeAll(async () => {
  await sandbox.git(['init', '-q', '--bare', dir]);
  const base = await commit(BASE);
  ours = await commit({ 'new/a': BASE['old/a']!, 'new/b': BASE['old/b']!, 'other/k': BASE['other/k']! }, base);
  theirs = await commit({ ...BASE, 'old/c': 'c\n', 'other/only': 'x\n' }, base);
});
afterAll(() => sandbox.dispose());

test('a sound merge has no fault, though a file of one side was moved along with its folder', async () => {
  const [git] = await gitMerges(sandbox, dir, [[ours, theirs]]);
  expect(git).toEqual({ clean: false, ...(await made(MERGED)) });
  expect(await judge(git!)).toBeUndefined();
});

test('a merge that is only another answer has no fault', async () => {
  const { 'new/c': moved, ...rest } = MERGED;
  expect(await judge(await made({ ...rest, 'old/c': moved! }, ['old/c']))).toBeUndefined();
  expect(await judge(await made({ ...MERGED, 'new/a': 'changed\n' }, ['new/a', 'new/c']))).toBeUndefined();
});

test('a lost or conflicted file that nobody changed is a fault', async () => {
  const { 'other/k': _, ...rest } = MERGED;
  expect(await judge(await made(rest))).toBe('common file lost');
  expect(await judge(await made(MERGED, ['new/c', 'other/k']))).toBe('unchanged file overwritten');
});

test('a lost file of one side of which no message speaks is a fault', async () => {
  const { 'other/only': _, ...rest } = MERGED;
  expect(await judge(await made(rest))).toBe('added file lost');
});

test('an entry without an id is a fault', async () => {
  const input = Buffer.concat([Buffer.from('100644 f\0'), Buffer.alloc(20)]);
  const args = ['hash-object', '-w', '--literally', '-t', 'tree', '--stdin'];
  const tree = (await sandbox.git(args, { cwd: dir, input })).stdout.trim();
  expect(await judge({ tree, conflicts: [] })).toBe('no id');
});
