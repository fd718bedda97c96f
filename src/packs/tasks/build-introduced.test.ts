import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { git, gitLines, randomHistory, seeded, splitIntoPacks } from '../../../test/support/random-packs.js';
import { OID_BYTES, oidAt, oidToBytes } from '../../git/oid.js';
import { introducedBy } from './build-introduced.js';
import { Selection } from './build-select.js';
import { withPacks } from './read-packs.js';

const root = mkdtempSync(join(tmpdir(), 'introduced-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const NONE = '0'.repeat(40);

function ids(bytes: Uint8Array): string[] {
  return Array.from({ length: bytes.length / OID_BYTES }, (_, i) => oidAt(bytes, i * OID_BYTES));
}

/** Trees and blobs of a commit by path, the root tree under the empty one. */
function contents(repo: string, commit: string): Map<string, string> {
  const rows = gitLines(repo, ['ls-tree', '-r', '-t', '-z', commit]).join('\n').split('\0').filter(Boolean);
  const entries = rows.map((row) => /^\d+ (\w+) (\w+)\t(.*)$/s.exec(row)!);
  const own = entries.filter(([, type]) => type !== 'commit').map(([, , oid, path]) => [path!, oid!] as const);
  const tree = git(repo, ['rev-parse', `${commit}^{tree}`])
    .toString()
    .trim();
  return new Map([['', tree], ...own]);
}

test.each([21, 22])('history %i: what no parent has at the same path', async (seed) => {
  const repo = join(root, `repo-${seed}`);
  randomHistory(repo, seeded(seed), 60);
  const packs = splitIntoPacks(repo, join(root, `packs-${seed}`), seeded(seed), 3);
  const rows = gitLines(repo, ['rev-list', '--parents', '--all']).map((row) => row.split(' '));
  const known = new Map(rows.map(([commit]) => [commit!, contents(repo, commit!)]));
  let introducedInAll = 0;
  let basesInAll = 0;
  await withPacks(packs, async (set) => {
    for (const [commit, ...parents] of rows) {
      const own = known.get(commit!)!;
      const before = parents.map((parent) => known.get(parent)!);
      const tree = (of: Map<string, string>) => oidToBytes(of.get('')!);
      const found = introducedBy(new Selection(set, 0), tree(own), before.map(tree));
      const introduced = [...ids(found.trees), ...ids(found.blobs)];
      const fresh = [...own].filter(([path, oid]) => before.every((files) => files.get(path) !== oid));
      const expected = new Set(fresh.map(([, oid]) => oid));
      const elsewhere = new Set(before.flatMap((files) => [...files.values()]));
      expect(introduced.filter((oid) => !expected.has(oid))).toEqual([]);
      expect([...expected].filter((oid) => !introduced.includes(oid) && !elsewhere.has(oid))).toEqual([]);
      expect(new Set(introduced).size).toBe(introduced.length);
      expect(ids(found.replaced).filter((oid) => !elsewhere.has(oid))).toEqual([]);
      for (const [oids, bases] of [
        [found.trees, found.treeBases],
        [found.blobs, found.blobBases],
      ]) {
        const olds = ids(bases!);
        expect(olds).toHaveLength(oids!.length / OID_BYTES);
        for (const [i, oid] of ids(oids!).entries()) {
          const paths = [...own].filter(([, other]) => other === oid).map(([path]) => path);
          const there = before.flatMap((files) => paths.flatMap((path) => files.get(path) ?? []));
          expect([NONE, ...there]).toContain(olds[i]);
          basesInAll += olds[i] === NONE ? 0 : 1;
        }
      }
      introducedInAll += introduced.length;
    }
  });
  expect(introducedInAll).toBeGreaterThan(rows.length);
  expect(basesInAll).toBeGreaterThan(rows.length / 2);
});
