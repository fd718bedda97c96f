import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { git, gitLines, importPack, randomHistory, seeded } from '../../test/support/random-packs.js';
import type { Snapshot, StoredPack } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { CommitGraph, encodeSegment } from '../git/index.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { MetaReader } from '../git/pack/meta.js';
import type { LocalPack } from '../packs/index.js';
import { findReachable } from '../packs/tasks/reach.js';
import type { Ref } from '../refs/index.js';
import { visibleObjects } from './visible.js';

const root = mkdtempSync(join(tmpdir(), 'visible-test-'));
const repo = join(root, 'repo');
const local = new Map<string, LocalPack>();
let walks = 0;

/** The parts of the context that look-ups use, over packs in a folder. */
const ctx = {
  packCache: {
    knownSmall: () => undefined,
    async readSmall(_: string, hash: string) {
      const { idxPath, metaPath } = local.get(hash)!;
      return { idx: new IdxReader(readFileSync(idxPath)), meta: new MetaReader(readFileSync(metaPath)) };
    },
    async pin(_: string, hash: string) {
      return { ...local.get(hash)!, release() {} };
    },
  },
  engine: {
    findReachable(request: Parameters<typeof findReachable>[0]) {
      walks += 1;
      return findReachable(request);
    },
  },
} as unknown as AppContext;

function store(oids: string[], tips: string[], tight: boolean): StoredPack {
  const pack = git(repo, ['pack-objects', '--stdout', '-q'], oids.map((oid) => `${oid}\n`).join(''));
  const imported = importPack(repo, join(root, 'packs'), pack);
  local.set(imported.hash, imported);
  const common = { bytes: pack.length, objects: oids.length, commits: { from: 0, to: 0 } };
  return { hash: imported.hash, storedIn: 'r', seq: local.size, tight, tips, ...common };
}

const list = (...revs: string[]) => gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...revs]);
const commitsOf = (...revs: string[]) => gitLines(repo, ['rev-list', ...revs]);
let graph: CommitGraph;

beforeAll(() => {
  randomHistory(repo, seeded(9), 60);
  const rows = gitLines(repo, ['log', '--all', '--topo-order', '--reverse', '--format=%H/%T/%ct/%P']);
  const commits = rows.map((row) => {
    const [oid, tree, time, parents] = row.split('/') as [string, string, string, string];
    return { oid, tree, time: Number(time), parents: parents.split(' ').filter(Boolean) };
  });
  graph = CommitGraph.fromSegments([encodeSegment(commits, [])]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('what refs reach', () => {
  const ref = (oid: string): Ref => ({ name: 'refs/heads/b0', oid }) as Ref;
  const snapshot = (...packs: StoredPack[]): Snapshot => ({
    repoId: 'r',
    versions: { packs: 0, collected: 0 },
    packs,
    graph,
  });

  test('a tight pack of visible tips proves its objects without a walk', async () => {
    const [tip] = commitsOf('b0');
    const all = list('b0');
    walks = 0;
    const visible = visibleObjects(snapshot(store(all, [tip!], true)), [ref(tip!)]);
    expect(await visible.select(ctx, [...all, 'e'.repeat(40)])).toEqual(new Set(all));
    expect(walks).toBe(0);
  });

  test.each([true, false])('a pack that is also of other tips is walked, once an object (tight: %s)', async (tight) => {
    const tips = commitsOf('--no-walk', 'b0', 'b1', 'b2');
    const all = list(...tips);
    const expected = new Set(list(tips[0]!));
    expect(expected.size).toBeLessThan(all.length);
    walks = 0;
    const visible = visibleObjects(snapshot(store(all, tips, tight)), [ref(tips[0]!)]);
    expect(await visible.select(ctx, all)).toEqual(expected);
    expect(await visible.select(ctx, all)).toEqual(expected);
    expect(walks).toBe(1);
  });

  test('a delta base that was appended to a visible pack is not visible by that', async () => {
    const [tip] = commitsOf('b0');
    const seen = list('b0');
    const base = list('--all').find((oid) => !seen.includes(oid) && graph.indexOf(oid) < 0)!;
    const packs = [store([base], ['f'.repeat(40)], true), store([...seen, base], [tip!], true)];
    const visible = visibleObjects(snapshot(...packs), [ref(tip!)]);
    expect(await visible.select(ctx, [base, ...seen])).toEqual(new Set(seen));
  });

  test('trees and blobs that refs name are visible, with all that is in them', async () => {
    const [tree] = gitLines(repo, ['rev-parse', 'b0^{tree}']);
    const inside = gitLines(repo, ['ls-tree', '-r', '-t', tree!]).flatMap((line) =>
      line.includes(' commit ') ? [] : [line.split(/[ \t]/)[2]!],
    );
    const all = list('--all');
    const visible = visibleObjects(snapshot(store(all, commitsOf('--all'), true)), [ref(tree!)]);
    expect(await visible.select(ctx, all)).toEqual(new Set([tree!, ...inside]));
  });
});
