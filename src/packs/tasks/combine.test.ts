import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  git,
  gitLines,
  importPack,
  packedOids,
  randomHistory,
  seeded,
  splitIntoPacks,
} from '../../../test/support/random-packs.js';
import { packOids } from '../../git/oid.js';
import { IdxReader } from '../../git/pack/idx-reader.js';
import type { LocalPack, PackPaths, RootSet } from '../contract.js';
import { rebuildMeta } from '../rebuild-meta.js';
import { combinePacks } from './combine.js';
import { findDangling } from './dangling.js';

const root = mkdtempSync(join(tmpdir(), 'combine-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const paths = (name: string): PackPaths => {
  const path = (extension: string) => join(root, `${name}.${extension}`);
  return { packPath: path('pack'), idxPath: path('idx'), metaPath: path('meta') };
};
const distinct = (packs: LocalPack[]) => [...new Set(packs.flatMap((pack) => packedOids(pack.idxPath)))].sort();

/** What git makes of the pack: it reads every object, and its index must be ours. */
function verify({ packPath, idxPath, metaPath }: PackPaths, hash: string, isClosed = true): void {
  const copy = join(root, 'verify.pack');
  rmSync(join(root, 'verify.idx'), { force: true });
  writeFileSync(copy, readFileSync(packPath));
  expect(
    git(root, ['index-pack', ...(isClosed ? ['--strict'] : []), copy])
      .toString()
      .trim(),
  ).toBe(hash);
  expect(readFileSync(idxPath).equals(readFileSync(join(root, 'verify.idx')))).toBe(true);
  expect(rebuildMeta(packPath, idxPath).equals(readFileSync(metaPath))).toBe(true);
}

const listOf = (repo: string, ...revs: string[]) =>
  gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...revs]);

function rootsOf(repo: string, revs: string[], tags: string[] = []): RootSet {
  const commits = gitLines(repo, ['rev-list', ...revs, ...tags]);
  const trees = gitLines(repo, ['log', '--no-walk=unsorted', '--stdin', '--format=%T'], `${commits.join('\n')}\n`);
  const tagOids = tags.map((tag) => gitLines(repo, ['rev-parse', tag])[0]!);
  return { commits: packOids(commits), trees: packOids(trees), extra: packOids(tagOids) };
}

describe.each([1, 2, 3])('packs of a random history, seed %i', (seed) => {
  const repo = join(root, `repo-${seed}`);
  let packs: LocalPack[];
  beforeAll(() => {
    const random = seeded(seed);
    randomHistory(repo, random, 70);
    packs = splitIntoPacks(repo, join(root, `packs-${seed}`), random, 9);
  });

  test('become one that git finds in order, with each object once', async () => {
    const out = paths(`all-${seed}`);
    const { packs: written, dropped } = await combinePacks({ packs, outputs: [out] });
    const [pack] = written;
    expect(dropped).toBe(0);
    expect(packedOids(out.idxPath).sort()).toEqual(distinct(packs));
    expect(pack).toMatchObject({ objects: distinct(packs).length, bytes: readFileSync(out.packPath).length });
    verify(out, pack!.hash);
    // Not larger than what went in, and merging again changes nothing.
    expect(pack!.bytes).toBeLessThan(packs.reduce((sum, { packPath }) => sum + readFileSync(packPath).length, 0));
    const again = await combinePacks({ packs: [{ hash: pack!.hash, ...out }], outputs: [paths(`again-${seed}`)] });
    expect(again.packs).toEqual(written);
  });

  test('are split by what roots reach', async () => {
    const [first, ...others] = gitLines(repo, ['for-each-ref', '--format=%(refname)', 'refs/heads/']);
    const tags = gitLines(repo, ['for-each-ref', '--format=%(refname)', 'refs/tags/']);
    const outputs = [paths(`seen-${seed}`), paths(`rest-${seed}`)];
    const keep = [rootsOf(repo, [first!]), rootsOf(repo, others.slice(0, 1), tags.slice(0, 2))];
    const result = await combinePacks({ packs, outputs, keep });
    const seen = listOf(repo, first!);
    const rest = listOf(repo, ...others.slice(0, 1), ...tags.slice(0, 2), `^${first}`).filter(
      (oid) => !seen.includes(oid),
    );
    expect(packedOids(outputs[0]!.idxPath).sort()).toEqual(seen.sort());
    expect(packedOids(outputs[1]!.idxPath).sort()).toEqual(rest.sort());
    expect(result.dropped).toBe(distinct(packs).length - seen.length - rest.length);
    for (const [i, { hash }] of result.packs.entries()) verify(outputs[i]!, hash, i === 0);
  });

  test('name nothing that is absent, unless a pack is left out', async () => {
    expect(await findDangling({ packs, among: [] })).toBeUndefined();
    expect(await findDangling({ packs: packs.slice(1), among: packs.slice(0, 1) })).toBeUndefined();
    const without = await findDangling({ packs: packs.slice(4), among: [] });
    expect(distinct(packs.slice(0, 4))).toContain(without);
    expect(distinct(packs.slice(4))).not.toContain(without);
  });
});

describe('chains of deltas', () => {
  test('of many packs are joined, but not without end', async () => {
    const repo = join(root, 'chain');
    git(root, ['init', '-q', '--bare', repo]);
    const lines = Array.from({ length: 400 }, (_, i) => `line ${i} of the file`);
    const packs: LocalPack[] = [];
    let parent: string[] = [];
    for (let i = 0; i < 70; i++) {
      lines[i] = `changed ${i}`;
      const blob = git(repo, ['hash-object', '-w', '--stdin'], lines.join('\n')).toString().trim();
      const tree = git(repo, ['mktree'], `100644 blob ${blob}\tfile\n`).toString().trim();
      const who = ['-c', 'user.name=a', '-c', 'user.email=a@x'];
      const commit = git(repo, [...who, 'commit-tree', tree, '-m', `${i}`, ...parent.flatMap((oid) => ['-p', oid])]);
      const oid = commit.toString().trim();
      const revs = [oid, ...parent.map((base) => `^${base}`)].join('\n');
      const thin = git(repo, ['pack-objects', '--revs', '--thin', '--stdout', '-q'], `${revs}\n`);
      const packPath = join(root, 'thin.pack');
      const fixed = gitLines(repo, ['index-pack', '--stdin', '--fix-thin', packPath], thin);
      expect(fixed).toHaveLength(1);
      packs.push(importPack(repo, join(root, 'chain-packs'), readFileSync(packPath)));
      rmSync(packPath);
      rmSync(packPath.replace('.pack', '.idx'));
      parent = [oid];
    }
    const out = paths('chain-out');
    const { packs: written } = await combinePacks({ packs, outputs: [out] });
    verify(out, written[0]!.hash);
    const depths = gitLines(repo, ['verify-pack', '-v', out.idxPath]).flatMap((line) => {
      const parts = line.split(/\s+/);
      return parts.length === 7 && parts[1] === 'blob' ? [Number(parts[5])] : [];
    });
    expect(Math.max(...depths)).toBe(50);
    expect(depths.length).toBeGreaterThan(60);
    const repacked = git(repo, ['pack-objects', '--revs', '--stdout', '-q', '--no-reuse-delta'], `${parent[0]}\n`);
    expect(written[0]!.bytes).toBeLessThan(repacked.length * 1.3);
  });
});

describe('damage', () => {
  test('of an entry is noticed, and no file remains', async () => {
    const repo = join(root, 'damaged');
    const random = seeded(7);
    randomHistory(repo, random, 20);
    const [pack] = splitIntoPacks(repo, join(root, 'damaged-packs'), random, 1);
    const idx = new IdxReader(readFileSync(pack!.idxPath));
    const fd = openSync(pack!.packPath, 'r+');
    writeSync(fd, Buffer.from([0x55]), 0, 1, idx.offset(3) + 6);
    closeSync(fd);
    const out = paths('never');
    const failed = combinePacks({ packs: [pack!], outputs: [out] });
    await expect(failed).rejects.toMatchObject({ code: 'OBJECT_CORRUPTED' });
    expect(Object.values(out).filter((path) => existsSync(path))).toEqual([]);
  });
});
