/** Deltas made for a fetch, taken and checked by the real git. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { git, gitLines, importPack } from '../../../test/support/random-packs.js';
import { packOids } from '../../git/oid.js';
import type { BuildResult, LocalPack } from '../contract.js';
import { buildPack } from './build.js';

const EMPTY = new Uint8Array(0);
const root = mkdtempSync(join(tmpdir(), 'build-delta-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let repo: string;
let tip: string | undefined;
let count = 0;
beforeEach(() => {
  repo = join(root, `repo-${++count}`);
  tip = undefined;
  git(root, ['init', '-q', '--bare', repo]);
});

const told = (args: string[], input?: Uint8Array | string) =>
  git(repo, args, typeof input === 'string' ? input : Buffer.from(input ?? []))
    .toString()
    .trim();

/** A commit on the last one, whose tree holds one file. */
function commit(content: Uint8Array | string): string {
  const blob = told(['hash-object', '-w', '--stdin'], content);
  const tree = told(['mktree'], `100644 blob ${blob}\tfile\n`);
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
  tip = told([...identity, 'commit-tree', '-m', 'change', tree, ...(tip === undefined ? [] : ['-p', tip])]);
  return tip;
}

/** Stores what `revisions` name as the server does, with the bases of a thin pack appended. */
function stored(revisions: string[], ...options: string[]): LocalPack {
  const args = ['pack-objects', '--stdout', '--revs', '-q', ...options];
  return importPack(repo, join(root, `stored-${++count}`), git(repo, args, `${revisions.join('\n')}\n`));
}

const treesOf = (commits: string[]) => gitLines(repo, ['rev-parse', ...commits.map((oid) => `${oid}^{tree}`)]);

/** The pack of a fetch, and what the client's index says of it: a size, and a depth for deltas. */
async function fetched(packs: LocalPack[], want: string, have: string, given: string[] = []) {
  const rows = gitLines(repo, ['rev-list', '--topo-order', '--reverse', '--parents', want, `^${have}`]);
  const sent = rows.map((row) => row.slice(0, 40));
  const parents = rows.map((row) => row.split(' ').slice(1));
  const outPath = join(root, `out-${++count}.pack`);
  const result: BuildResult = await buildPack({
    packs,
    wholePacks: [],
    commits: packOids(sent),
    trees: packOids(treesOf(sent)),
    parentTrees: packOids(treesOf(parents.flat())),
    parentCounts: Uint16Array.from(parents, (list) => list.length),
    boundaryTrees: EMPTY,
    boundaryCommits: EMPTY,
    extra: EMPTY,
    thin: true,
    ofsDelta: true,
    outPath,
  });
  const client = join(root, `client-${count}`);
  git(root, ['init', '-q', '--bare', client]);
  const known = git(repo, ['pack-objects', '--revs', '--stdout', '-q'], `${have}\n`);
  git(client, ['index-pack', '--stdin'], known);
  for (const blob of given) git(client, ['hash-object', '-w', '--stdin'], git(repo, ['cat-file', 'blob', blob]));
  const took = git(client, ['index-pack', '--stdin', '--fix-thin', '--strict'], readFileSync(outPath)).toString();
  const index = join(client, 'objects/pack', `pack-${took.trim().split('\t')[1]}.idx`);
  const depths = gitLines(client, ['verify-pack', '-v', index]).flatMap((line) => {
    const [, , , , , depth] = /^[0-9a-f]{40} /.test(line) ? line.trim().split(/\s+/) : [];
    return depth === undefined ? [] : [Number(depth)];
  });
  git(client, ['update-ref', 'refs/heads/main', want]);
  git(client, ['fsck', '--strict', '--full']);
  return { ...result, depths };
}

/** Bytes that do not compress, with some of them changed. */
function changed(bytes: Uint8Array, at: number): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  randomBytes(20).copy(copy, at);
  return copy;
}

test('a new version that is stored whole goes as a delta on the one the client has', async () => {
  const content = randomBytes(50_000);
  const one = commit(content);
  const two = commit(changed(content, 20_000));
  const packs = [stored([two, `^${one}`]), stored([one])];
  const { bytes, newDeltas } = await fetched(packs, two, one);
  expect(newDeltas).toBe(1);
  expect(bytes).toBeLessThan(1_000);
});

test('what saves little goes whole', async () => {
  const one = commit(randomBytes(600));
  const two = commit('a'.repeat(600));
  const { newDeltas } = await fetched([stored([two, `^${one}`]), stored([one])], two, one);
  expect(newDeltas).toBe(0);
});

test('what a stored pack makes out of something large is no base', async () => {
  const large = randomBytes(1_500_000);
  const one = commit(large);
  const middle = Buffer.from(large.subarray(0, 900_000));
  const two = commit(middle);
  const three = commit(changed(middle, 30_000));
  const packs = [stored([three, `^${two}`]), stored([two])];
  expect((await fetched(packs, three, two)).newDeltas).toBe(0);
  expect((await fetched([packs[0]!, stored([two, `^${one}`]), stored([one])], three, two)).newDeltas).toBe(1);
});

test('versions of one file rest on each other, and not too many', async () => {
  let content = randomBytes(20_000);
  const first = commit(content);
  const packs = [stored([first])];
  let last = first;
  for (let i = 0; i < 200; i++) {
    content = changed(content, (i * 97) % 19_000);
    const next = commit(content);
    packs.unshift(stored([next, `^${last}`]));
    last = next;
  }
  const { bytes, newDeltas, depths } = await fetched(packs, last, first);
  expect(newDeltas).toBeGreaterThan(190);
  expect(bytes).toBeLessThan(200 * 500);
  expect(Math.max(...depths)).toBeLessThanOrEqual(76);
});

test('what a delta before it names does not rest on an object outside', async () => {
  const content = randomBytes(50_000);
  const one = commit(content);
  const middle = changed(content, 10_000);
  const two = commit(middle);
  const three = commit(changed(middle, 30_000));
  const packs = [stored([three, `^${two}`], '--thin'), stored([two, `^${one}`]), stored([one])];
  // The base was appended, so that the pack has the later version, which names it, before it.
  expect(gitLines(repo, ['show-index'], readFileSync(packs[0]!.idxPath))).toHaveLength(4);
  const blob = gitLines(repo, ['rev-parse', `${two}:file`]);
  await fetched(packs, three, one, blob);
});
