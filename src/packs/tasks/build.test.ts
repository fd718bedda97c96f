import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  git,
  gitLines,
  packedOids,
  type Random,
  randomHistory,
  seeded,
  splitIntoPacks,
} from '../../../test/support/random-packs.js';
import { packOids } from '../../git/oid.js';
import { OFS_DELTA, readEntryHeader } from '../../git/pack/entry.js';
import { IdxReader } from '../../git/pack/idx-reader.js';
import type { BuildRequest, LocalPack } from '../contract.js';
import { buildPack } from './build.js';

const EMPTY = new Uint8Array(0);
const root = mkdtempSync(join(tmpdir(), 'build-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function request(packs: LocalPack[], fields: Partial<BuildRequest>): BuildRequest {
  return {
    packs,
    wholePacks: [],
    commits: EMPTY,
    trees: EMPTY,
    boundaryTrees: EMPTY,
    boundaryCommits: EMPTY,
    extra: EMPTY,
    thin: false,
    ofsDelta: true,
    outPath: join(root, 'out.pack'),
    ...fields,
  };
}

function treesOf(repo: string, commits: string[]): string[] {
  if (commits.length === 0) return [];
  return gitLines(repo, ['cat-file', '--batch-check=%(objectname)'], commits.map((oid) => `${oid}^{tree}\n`).join(''));
}

/** A repository that holds everything reachable from `haves`. */
function clientWith(repo: string, haves: string[], path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  git(path, ['init', '-q', '--bare', path]);
  if (haves.length > 0) {
    const pack = git(repo, ['pack-objects', '--revs', '--stdout', '-q'], `${haves.join('\n')}\n`);
    git(path, ['index-pack', '--stdin'], pack);
  }
  return path;
}

/** Types of the entries in a pack that a client took. */
function entryTypes(client: string, hash: string): number[] {
  const path = join(client, 'objects/pack', `pack-${hash}`);
  const idx = new IdxReader(readFileSync(`${path}.idx`));
  const pack = readFileSync(`${path}.pack`);
  return Array.from({ length: idx.count }, (_, position) => readEntryHeader(pack, idx.offset(position))!.type);
}

/** What the client's index holds after it took the pack. */
function receive(client: string, packPath: string, thin: boolean): string[] {
  const args = ['index-pack', '--strict', '--stdin', ...(thin ? ['--fix-thin'] : [])];
  const hash = git(client, args, readFileSync(packPath)).toString('latin1').trim().split('\t')[1]!;
  return packedOids(join(client, 'objects/pack', `pack-${hash}.idx`));
}

/** Packs of introduced objects that leaned on what the client had, and deltas that were made for them. */
let introducedThin = 0;
let newDeltas = 0;

describe.each([1, 2, 3, 4])('random history %i', (seed) => {
  const random = seeded(seed);
  const other = seeded(seed + 100);
  const repo = join(root, `repo-${seed}`);
  let packs: LocalPack[] = [];
  let commits: string[] = [];
  let thinPacks = 0;
  beforeAll(() => {
    randomHistory(repo, random, 120);
    packs = splitIntoPacks(repo, join(root, `packs-${seed}`), random, 8).reverse();
    commits = gitLines(repo, ['rev-list', '--all']);
  });

  test.each([...Array(10).keys()])('incremental fetch %i carries what commits introduce', async () => {
    const some = (most: number) => Array.from({ length: other(most) }, () => commits[other(commits.length)]!);
    const wants = [commits[other(commits.length)]!, ...some(3)];
    const haves = some(4);
    const thin = other(2) === 0;
    const range = [...wants, ...haves.map((oid) => `^${oid}`)];
    const rows = gitLines(repo, ['rev-list', '--topo-order', '--reverse', '--parents', ...range]);
    const sent = rows.map((row) => row.slice(0, 40));
    const parents = rows.map((row) => row.split(' ').slice(1));
    const result = await buildPack(
      request(packs, {
        commits: packOids(sent),
        trees: packOids(treesOf(repo, sent)),
        parentTrees: packOids(treesOf(repo, parents.flat())),
        parentCounts: Uint16Array.from(parents, (list) => list.length),
        thin,
        ofsDelta: other(3) > 0,
      }),
    );
    newDeltas += result.newDeltas;
    if (!thin) expect(result.newDeltas).toBe(0);
    const demanded = gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...range]);
    const client = clientWith(repo, haves, join(root, 'client'));
    if (demanded.length === 0) return;
    const got = receive(client, join(root, 'out.pack'), thin);
    const reachable = gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...wants]);
    expect(demanded.filter((oid) => !got.includes(oid))).toEqual([]);
    if (!thin) expect(got.filter((oid) => !reachable.includes(oid))).toEqual([]);
    else if (got.length > result.objects) introducedThin += 1;
    const held = gitLines(client, ['rev-list', '--objects', '--no-object-names', ...wants]);
    expect(held.sort()).toEqual(reachable.sort());
  });

  test.each([...Array(20).keys()])('incremental fetch %i carries what rev-list says', async () => {
    const some = (from: Random, most: number) =>
      Array.from({ length: from(most) }, () => commits[from(commits.length)]!);
    const wants = [commits[random(commits.length)]!, ...some(random, 3)];
    const haves = some(random, 4);
    const thin = random(2) === 0;
    const range = [...wants, ...haves.map((oid) => `^${oid}`)];
    const sent = gitLines(repo, ['rev-list', '--topo-order', '--reverse', ...range]);
    const edge = gitLines(repo, ['rev-list', '--boundary', ...range])
      .filter((line) => line.startsWith('-'))
      .map((line) => line.slice(1));
    const result = await buildPack(
      request(packs, {
        commits: packOids(sent),
        trees: packOids(treesOf(repo, sent)),
        boundaryTrees: packOids(treesOf(repo, edge)),
        boundaryCommits: packOids(edge),
        thin,
        ofsDelta: random(3) > 0,
      }),
    );
    const expected = gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...range]).sort();
    expect(result.objects).toBe(expected.length);
    const client = clientWith(repo, haves, join(root, 'client'));
    if (expected.length === 0) return;
    const got = receive(client, join(root, 'out.pack'), thin);
    if (got.length > result.objects) thinPacks += 1;
    if (!thin) expect(got).toEqual(expected);
    // Completing a thin pack appends its bases; they must be the client's own.
    else expect(expected.filter((oid) => !got.includes(oid))).toEqual([]);
    const reached = gitLines(client, ['rev-list', '--objects', '--no-object-names', ...wants]).sort();
    expect(reached).toEqual(gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...wants]).sort());
  });

  test('some of them were thin', () => {
    expect(thinPacks).toBeGreaterThan(0);
  });

  test.each([...Array(6).keys()])('whole packs %i go with everything in them, once', async () => {
    const whole = packs.filter(() => random(2) === 0);
    const tip = commits[random(commits.length)]!;
    const sent = gitLines(repo, ['rev-list', '--topo-order', '--reverse', tip]);
    const tags = gitLines(repo, ['for-each-ref', '--format=%(objectname)', 'refs/tags']);
    const ofsDelta = random(4) > 0;
    const result = await buildPack(
      request(packs, {
        wholePacks: whole.map((pack) => pack.hash),
        commits: packOids(sent),
        trees: packOids(treesOf(repo, sent)),
        extra: packOids(tags),
        ofsDelta,
      }),
    );
    const reachable = gitLines(repo, ['rev-list', '--objects', '--no-object-names', tip]);
    const expected = [...new Set([...whole.flatMap((pack) => packedOids(pack.idxPath)), ...reachable, ...tags])].sort();
    expect(result.objects).toBe(expected.length);
    const client = clientWith(repo, [], join(root, 'client'));
    const out = readFileSync(join(root, 'out.pack'));
    const hash = git(client, ['index-pack', '--stdin'], out).toString('latin1').trim().split('\t')[1]!;
    expect(packedOids(join(client, 'objects/pack', `pack-${hash}.idx`))).toEqual(expected);
    expect(out.length).toBe(result.bytes);
    if (!ofsDelta) expect(entryTypes(client, hash)).not.toContain(OFS_DELTA);
  });

  test('a clone reuses deltas and passes the strict check', async () => {
    const all = gitLines(repo, ['rev-list', '--topo-order', '--reverse', '--all']);
    const result = await buildPack(request(packs, { commits: packOids(all), trees: packOids(treesOf(repo, all)) }));
    const client = clientWith(repo, [], join(root, 'client'));
    expect(receive(client, join(root, 'out.pack'), false)).toHaveLength(result.objects);
    const expected = gitLines(repo, ['rev-list', '--objects', '--no-object-names', ...all]).sort();
    expect(result.objects).toBe(expected.length);
    expect(result.reusedDeltas).toBeGreaterThan(10);
  });

  test('a missing object and a flipped byte are reported, and leave no file', async () => {
    const all = gitLines(repo, ['rev-list', '--topo-order', '--reverse', '--all']);
    const fields = { commits: packOids(all), trees: packOids(treesOf(repo, all)) };
    const newest = packs[0]!;
    const lacking = buildPack(request(packs.slice(1), fields));
    await expect(lacking).rejects.toMatchObject({
      code: 'OBJECT_CORRUPTED',
      message: expect.stringMatching(/[0-9a-f]{40} is missing/),
    });
    expect(existsSync(join(root, 'out.pack'))).toBe(false);

    const damaged = { ...newest, packPath: join(root, 'damaged.pack') };
    const bytes = readFileSync(newest.packPath);
    bytes[bytes.length - 30]! ^= 0x10;
    writeFileSync(damaged.packPath, bytes);
    const [oid] = packedOids(newest.idxPath);
    expect(oid).toBeDefined();
    const all1 = packOids(packedOids(newest.idxPath));
    await expect(buildPack(request([damaged], { extra: all1 }))).rejects.toMatchObject({ code: 'OBJECT_CORRUPTED' });
    expect(existsSync(join(root, 'out.pack'))).toBe(false);
  });
});

test('a small pack comes in memory, byte for byte as it would be in the file', async () => {
  const repo = join(root, 'small');
  const random = seeded(77);
  randomHistory(repo, random, 30);
  const packs = splitIntoPacks(repo, join(root, 'small-packs'), random, 2);
  const extra = packOids(gitLines(repo, ['rev-list', '--objects', '--no-object-names', '--all']));
  const outPath = join(root, 'small.pack');
  const written = await buildPack(request(packs, { extra, outPath }));
  const file = readFileSync(outPath);
  expect(written).not.toHaveProperty('data');
  rmSync(outPath);
  for (const inMemoryUpTo of [written.bytes, 2 ** 20]) {
    const { data, ...rest } = await buildPack(request(packs, { extra, outPath, inMemoryUpTo }));
    expect(rest).toEqual(written);
    expect(file.equals(data!)).toBe(true);
    expect(existsSync(outPath)).toBe(false);
  }
  expect(await buildPack(request(packs, { extra, outPath, inMemoryUpTo: written.bytes - 1 }))).toEqual(written);
  expect(readFileSync(outPath).equals(file)).toBe(true);
});

test('some packs of introduced objects were thin, and deltas were made for them', () => {
  expect(introducedThin).toBeGreaterThan(0);
  expect(newDeltas).toBeGreaterThan(0);
});

test('nothing asked for gives the empty pack', async () => {
  const result = await buildPack(request([], {}));
  expect(result).toEqual({ bytes: 32, objects: 0, reusedDeltas: 0, newDeltas: 0 });
  expect(receive(clientWith('', [], join(root, 'client')), join(root, 'out.pack'), false)).toEqual([]);
});
