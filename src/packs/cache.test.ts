import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { git, packedOids, randomHistory, seeded, splitIntoPacks } from '../../test/support/random-packs.js';
import { OBJECT_TYPES, type ObjectType } from '../git/objects/type.js';
import { oidToBytes } from '../git/oid.js';
import { encodeMeta } from '../git/pack/meta.js';
import { createMetrics } from '../metrics.js';
import {
  CONTENT_TYPES,
  createFilesystemStore,
  createMemoryStore,
  type ObjectStore,
  packKey,
} from '../storage/index.js';
import { PackCache, type PackCacheOptions, rebuildMeta } from './cache.js';
import type { LocalPack } from './contract.js';

const REPO = '0a0b0c0d-0000-4000-8000-000000000001';
const root = mkdtempSync(join(tmpdir(), 'cache-test-'));
const repo = join(root, 'repo');
let packs: LocalPack[] = [];
let folders = 0;

beforeAll(() => {
  const random = seeded(7);
  randomHistory(repo, random, 60);
  packs = splitIntoPacks(repo, join(root, 'packs'), random, 5);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function fill(store: ObjectStore, extensions: ('pack' | 'idx' | 'meta')[] = ['pack', 'idx', 'meta']) {
  for (const pack of packs) {
    for (const extension of extensions) {
      const body = readFileSync(pack[`${extension}Path`]);
      await store.put(packKey(REPO, pack.hash, extension), body, { contentType: CONTENT_TYPES[extension] });
    }
  }
  return store;
}

async function open(options: Partial<PackCacheOptions> & { store: ObjectStore }) {
  const metrics = createMetrics();
  const dir = options.dir ?? join(root, `cache-${folders++}`);
  const cache = await PackCache.open({ dir, maxBytes: 1e9, persistent: false, metrics, ...options });
  const count = async () => ({
    hits: (await metrics.cacheHits.get()).values[0]?.value ?? 0,
    misses: (await metrics.cacheMisses.get()).values[0]?.value ?? 0,
    evictions: (await metrics.cacheEvictions.get()).values[0]?.value ?? 0,
    bytes: (await metrics.cacheBytes.get()).values[0]?.value ?? 0,
  });
  return { cache, dir, count };
}

const sizeOf = (pack: LocalPack) =>
  [pack.packPath, pack.idxPath, pack.metaPath].reduce((sum, path) => sum + statSync(path).size, 0);
const same = (one: string, two: string) => readFileSync(one).equals(readFileSync(two));

test('a pack is fetched once for many who ask at once, and found afterwards', async () => {
  const { cache, count } = await open({ store: await fill(createMemoryStore()) });
  const [pack] = packs;
  const pinned = await Promise.all(Array.from({ length: 5 }, () => cache.pin(REPO, pack!.hash)));
  for (const one of pinned) {
    expect(
      same(one.packPath, pack!.packPath) && same(one.idxPath, pack!.idxPath) && same(one.metaPath, pack!.metaPath),
    ).toBe(true);
  }
  await cache.pin(REPO, pack!.hash);
  expect(await count()).toEqual({ hits: 5, misses: 1, evictions: 0, bytes: sizeOf(pack!) });
});

test('the least recently used unpinned packs go; a pinned one stays until it is released', async () => {
  const [a, b, c] = packs as [LocalPack, LocalPack, LocalPack];
  const { cache, dir, count } = await open({
    store: await fill(createMemoryStore()),
    maxBytes: Math.max(sizeOf(a) + sizeOf(b), sizeOf(a) + sizeOf(c)),
  });
  const pinA = await cache.pin(REPO, a.hash);
  (await cache.pin(REPO, b.hash)).release();
  (await cache.pin(REPO, c.hash)).release();
  expect(existsSync(pinA.packPath)).toBe(true);
  expect(readdirSync(dir).some((name) => name.includes(b.hash))).toBe(false);
  expect((await count()).evictions).toBe(1);
  pinA.release();
  pinA.release();
  const again = await cache.pin(REPO, b.hash);
  expect(same(again.packPath, b.packPath)).toBe(true);
  expect((await count()).misses).toBe(4);
  expect(existsSync(pinA.packPath)).toBe(false);
});

test('pinning and releasing at random under a tiny cap never takes a pinned file away', async () => {
  const random = seeded(11);
  const { cache, dir, count } = await open({ store: await fill(createMemoryStore()), maxBytes: 1 });
  const user = async () => {
    for (let i = 0; i < 30; i++) {
      const pack = packs[random(packs.length)]!;
      const pinned = await cache.pin(REPO, pack.hash);
      await new Promise((resolve) => setTimeout(resolve, random(3)));
      expect(same(pinned.packPath, pack.packPath) && same(pinned.metaPath, pack.metaPath)).toBe(true);
      pinned.release();
    }
  };
  await Promise.all(Array.from({ length: 6 }, user));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(readdirSync(dir)).toEqual([]);
  expect((await count()).bytes).toBe(0);
});

test('a missing pack, a short body and foreign bytes are refused and leave nothing', async () => {
  const store = await fill(createMemoryStore());
  const { cache, dir } = await open({ store });
  await expect(cache.pin(REPO, 'f'.repeat(40))).rejects.toMatchObject({ code: 'S3_OBJECT_NOT_FOUND' });
  const [a, b] = packs as [LocalPack, LocalPack];
  const lying: ObjectStore = { ...store, head: async (key) => ({ ...(await store.head(key))!, size: 5 }) };
  const short = await open({ store: lying });
  await expect(short.cache.pin(REPO, a.hash)).rejects.toMatchObject({ code: 'S3_DOWNLOAD_FAILED' });
  await store.put(packKey(REPO, a.hash, 'pack'), readFileSync(b.packPath), { contentType: CONTENT_TYPES.pack });
  await expect(cache.pin(REPO, a.hash)).rejects.toMatchObject({ code: 'OBJECT_CORRUPTED' });
  expect([...readdirSync(dir), ...readdirSync(short.dir)]).toEqual([]);
  (await cache.pin(REPO, b.hash)).release();
});

test('a persistent cache finds its packs again and clears away halves; another one starts empty', async () => {
  const store = await fill(createMemoryStore());
  const first = await open({ store, persistent: true });
  const [a, b] = packs as [LocalPack, LocalPack];
  await touch(first.cache, [a, b]);
  await first.cache.close();
  const half = readdirSync(first.dir).find((name) => name.includes(b.hash) && name.endsWith('.idx'))!;
  rmSync(join(first.dir, half));
  writeFileSync(join(first.dir, 'x.pack.tmp'), 'left over');
  const second = await open({ store, persistent: true, dir: first.dir });
  expect(readdirSync(first.dir)).toHaveLength(3);
  await touch(second.cache, [a, b]);
  expect(await second.count()).toMatchObject({ hits: 1, misses: 1 });
  const third = await open({ store, dir: first.dir });
  expect(readdirSync(third.dir)).toEqual([]);
});

async function touch(cache: PackCache, wanted: LocalPack[]) {
  for (const pack of wanted) (await cache.pin(REPO, pack.hash)).release();
}

test('a deleted repository is forgotten, except what is in use', async () => {
  const { cache, dir, count } = await open({ store: await fill(createMemoryStore()) });
  const [a, b] = packs as [LocalPack, LocalPack];
  await touch(cache, [a]);
  await cache.readSmall(REPO, a.hash);
  const held = await cache.pin(REPO, b.hash);
  await cache.forget(`${REPO}0`);
  expect(readdirSync(dir)).toHaveLength(6);
  await cache.forget(REPO);
  expect(readdirSync(dir)).toHaveLength(3);
  expect(existsSync(held.packPath)).toBe(true);
  expect((await count()).bytes).toBe(sizeOf(b));
  held.release();
  await cache.forget(REPO);
  expect(readdirSync(dir)).toEqual([]);
});

test('adopted files need no fetch and stay the giver’s; without room they are not taken', async () => {
  const store = createMemoryStore();
  const { cache, count } = await open({ store });
  const [a] = packs as [LocalPack];
  await cache.adopt(REPO, a.hash, a);
  await cache.adopt(REPO, a.hash, a);
  const pinned = await cache.pin(REPO, a.hash);
  expect(pinned.packPath).not.toBe(a.packPath);
  expect(same(pinned.packPath, a.packPath)).toBe(true);
  expect(await count()).toEqual({ hits: 1, misses: 0, evictions: 0, bytes: sizeOf(a) });
  const full = await open({ store, maxBytes: 10 });
  await full.cache.adopt(REPO, a.hash, a);
  expect(readdirSync(full.dir)).toEqual([]);
});

test('a store on this disk is read in place, and gets a lost sidecar back', async () => {
  const store = await fill(await createFilesystemStore(join(root, 'store')), ['pack', 'idx']);
  const { cache, dir } = await open({ store });
  const [a] = packs as [LocalPack];
  const pinned = await cache.pin(REPO, a.hash);
  expect(pinned.packPath).toBe(store.localPath(packKey(REPO, a.hash, 'pack')));
  expect(same(pinned.metaPath, a.metaPath)).toBe(true);
  expect(await store.get(packKey(REPO, a.hash, 'meta'))).toEqual(readFileSync(a.metaPath));
  await cache.adopt(REPO, a.hash, a);
  expect(readdirSync(dir)).toEqual([]);
  await expect(cache.pin(REPO, 'f'.repeat(40))).rejects.toMatchObject({ code: 'S3_OBJECT_NOT_FOUND' });
});

test('readSmall answers from index and sidecar, with or without a stored sidecar', async () => {
  for (const extensions of [['pack', 'idx', 'meta'] as const, ['pack', 'idx'] as const]) {
    const store = await fill(createMemoryStore(), [...extensions]);
    const { cache } = await open({ store });
    const [a] = packs as [LocalPack];
    const { idx, meta } = await cache.readSmall(REPO, a.hash);
    for (const oid of packedOids(a.idxPath)) {
      const position = idx.find(oidToBytes(oid));
      expect(`${oid} ${meta.type(position)} ${meta.size(position)}`).toBe(describeObject(oid));
    }
    expect(idx.find(Buffer.alloc(20, 0xee))).toBe(-1);
    expect(await cache.readSmall(REPO, a.hash)).toBe(await cache.readSmall(REPO, a.hash));
    await expect(cache.readSmall(REPO, 'e'.repeat(40))).rejects.toMatchObject({ code: 'S3_OBJECT_NOT_FOUND' });
  }
});

let described: Map<string, string> | undefined;
/** `<id> <type> <size>` as git says. */
function describeObject(oid: string): string | undefined {
  described ??= new Map(
    git(repo, ['cat-file', '--batch-check', '--batch-all-objects'])
      .toString('latin1')
      .split('\n')
      .map((line) => [line.slice(0, 40), line]),
  );
  return described.get(oid);
}

test('a rebuilt sidecar says what git says, and a damaged pack is refused', () => {
  for (const pack of packs) {
    const oids = packedOids(pack.idxPath);
    const rows = oids.map((oid) => describeObject(oid)!.split(' '));
    const types = Uint8Array.from(rows, (row) => OBJECT_TYPES[row[1] as ObjectType]);
    const sizes = rows.map((row) => Number(row[2]));
    expect(rebuildMeta(pack.packPath, pack.idxPath).equals(encodeMeta(types, sizes))).toBe(true);
  }
  const broken = join(root, 'broken.pack');
  copyFileSync(packs[0]!.packPath, broken);
  writeFileSync(broken, readFileSync(broken).fill(0, 12, 40));
  expect(() => rebuildMeta(broken, packs[0]!.idxPath)).toThrow('A stored pack cannot be read.');
});
