import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  git,
  importPack,
  packedOids,
  randomHistory,
  seeded,
  splitIntoPacks,
} from '../../../test/support/random-packs.js';
import { encodeTree, objectId } from '../../git/objects/index.js';
import { oidToBytes, packOids } from '../../git/oid.js';
import { MetaReader } from '../../git/pack/meta.js';
import { PackWriter } from '../../git/pack/write.js';
import type { BuildRequest, LocalPack, LooseObject } from '../contract.js';
import { buildPack } from './build.js';
import { readObject } from './read.js';
import { unpackBatch } from './unpack.js';

const MiB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'read-test-'));
const repo = join(root, 'repo');
let packs: LocalPack[] = [];

beforeAll(() => {
  const random = seeded(23);
  randomHistory(repo, random, 150);
  packs = splitIntoPacks(repo, join(root, 'packs'), random, 3);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What git has under an id. */
function fromGit(where: string, oid: string): { type: string; data: Buffer } {
  const type = git(where, ['cat-file', '-t', oid]).toString('latin1').trim();
  return { type, data: git(where, ['cat-file', type, oid]) };
}

function fresh(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  git(path, ['init', '-q', '--bare', path]);
  return path;
}

test('reads every kind of object as git does', async () => {
  const oids = packs.flatMap((pack) => packedOids(pack.idxPath)).filter((_, i) => i % 20 === 0);
  expect(oids.length).toBeGreaterThan(30);
  for (const oid of oids) {
    const object = await readObject(packs, oid);
    expect({ type: object?.type, data: Buffer.from(object!.data) }).toEqual(fromGit(repo, oid));
  }
  expect(await readObject(packs, 'a'.repeat(40))).toBeUndefined();
  expect(await readObject([], oids[0]!)).toBeUndefined();
});

test('no flipped byte of a pack yields another object', async () => {
  const [pack] = packs as [LocalPack];
  const bytes = readFileSync(pack.packPath);
  const random = seeded(5);
  const oids = packedOids(pack.idxPath);
  const damaged = { ...pack, packPath: join(root, 'damaged.pack') };
  let refused = 0;
  for (let i = 0; i < 150; i++) {
    const at = 12 + random(bytes.length - 32);
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << random(8);
    writeFileSync(damaged.packPath, flipped);
    const oid = oids[random(oids.length)]!;
    const result = await readObject([damaged], oid).catch((error: unknown) => error);
    if (result instanceof Error) {
      expect(result).toMatchObject({ code: 'OBJECT_CORRUPTED', message: expect.stringContaining(oid) });
      refused += 1;
    } else expect(result).toEqual(await readObject([pack], oid));
  }
  expect(refused).toBeGreaterThan(0);
});

test('unpacks a whole pack in the order of the file, in batches that git takes as loose objects', async () => {
  const pack = packs.toSorted((a, b) => packedOids(b.idxPath).length - packedOids(a.idxPath).length)[0]!;
  const target = fresh('unpacked');
  const all: LooseObject[] = [];
  const steps: number[] = [];
  const { count } = new MetaReader(readFileSync(pack.metaPath));
  for (let from = 0; from < count; ) {
    const batch = await unpackBatch(pack, from);
    all.push(...batch.loose);
    steps.push(batch.next - from);
    from = batch.next;
  }
  const inFile = git(repo, ['verify-pack', '-v', pack.idxPath])
    .toString()
    .split('\n')
    .flatMap((line) => (/^[0-9a-f]{40} /.test(line) ? [line.split(/\s+/)] : []))
    .sort((a, b) => Number(a[4]) - Number(b[4]))
    .map(([oid]) => oid);
  expect(all.map((object) => object.oid)).toEqual(inFile);
  expect(Math.max(...steps)).toBeLessThanOrEqual(1000);
  for (const { oid, type, size, body } of all) {
    const raw = inflateSync(body);
    expect(raw.subarray(0, raw.indexOf(0)).toString()).toBe(`${type} ${size}`);
    mkdirSync(join(target, 'objects', oid.slice(0, 2)), { recursive: true });
    writeFileSync(join(target, 'objects', oid.slice(0, 2), oid.slice(2)), body);
  }
  const listed = git(target, ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'])
    .toString()
    .trim()
    .split('\n');
  expect(listed).toEqual(packedOids(pack.idxPath));
  for (const oid of listed.filter((_, i) => i % 60 === 0)) expect(fromGit(target, oid)).toEqual(fromGit(repo, oid));
  expect(await unpackBatch(pack, count)).toEqual({ loose: [], next: count });
});

describe('objects too large for memory', () => {
  const large = fillWithPattern(70 * MiB);
  const noise = randomBytes(70 * MiB);
  /** 20,000 inserts, so that the delta crosses blocks, between copies from both ends of the base. */
  const inserted = Buffer.alloc(100, 'x');
  const smallDelta = Buffer.concat([
    varint(large.length),
    varint(14),
    copy(large.length - 10, 10),
    Buffer.from('\x04tail'),
  ]);
  const manyInserts = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.concat([Buffer.of(100), inserted])));
  const bigSize = 2_000_000 + 0xffffff * 3 + 0x10000;
  const bigDelta = Buffer.concat([
    varint(large.length),
    varint(bigSize),
    copy(0, 0xffffff),
    manyInserts,
    copy(5, 0xffffff),
    copy(40 * MiB, 0xffffff),
    Buffer.of(0x80),
  ]);
  const small = Buffer.concat([large.subarray(large.length - 10), Buffer.from('tail')]);
  const big = Buffer.concat([
    large.subarray(0, 0xffffff),
    ...Array.from({ length: 20_000 }, () => inserted),
    large.subarray(5, 5 + 0xffffff),
    large.subarray(40 * MiB, 40 * MiB + 0xffffff),
    large.subarray(0, 0x10000),
  ]);
  const ids = {
    large: objectId('blob', large),
    noise: objectId('blob', noise),
    small: objectId('blob', small),
    big: objectId('blob', big),
  };
  let pack: LocalPack;

  beforeAll(() => {
    const path = join(root, 'large.pack');
    const writer = new PackWriter(path, 4);
    const base = writer.offset;
    writer.wholeHeader(3, large.length);
    writer.write(deflateSync(large, { level: 1 }));
    writer.ofsHeader(smallDelta.length, base);
    writer.write(deflateSync(smallDelta));
    writer.refHeader(bigDelta.length, oidToBytes(ids.large));
    writer.write(deflateSync(bigDelta));
    writer.wholeHeader(3, noise.length);
    writer.write(deflateSync(noise, { level: 1 }));
    writer.finish();
    pack = importPack(fresh('large'), join(root, 'large-packs'), readFileSync(path));
  });

  test('are refused by readObject, but not a small one made from a large one', async () => {
    await expect(readObject([pack], ids.large)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(Buffer.from((await readObject([pack], ids.small))!.data).equals(small)).toBe(true);
    expect(Buffer.from((await readObject([pack], ids.big))!.data).equals(big)).toBe(true);
  });

  test('are sent whole when the base of their delta is left out, and as they are stored otherwise', async () => {
    const extra = (oids: string[], thin: boolean): BuildRequest => ({
      packs: [pack],
      wholePacks: [],
      commits: new Uint8Array(0),
      trees: new Uint8Array(0),
      boundaryTrees: new Uint8Array(0),
      boundaryCommits: new Uint8Array(0),
      extra: packOids(oids),
      thin,
      ofsDelta: true,
      outPath: join(root, 'out.pack'),
    });
    expect(await buildPack(extra([ids.big, ids.small], false))).toMatchObject({ objects: 2, reusedDeltas: 0 });
    const one = importPack(fresh('one'), join(root, 'one-packs'), readFileSync(join(root, 'out.pack')));
    expect(packedOids(one.idxPath)).toEqual([ids.big, ids.small].sort());
    expect(await buildPack(extra(Object.values(ids), false))).toMatchObject({ objects: 4, reusedDeltas: 2 });
    const all = importPack(fresh('all'), join(root, 'all-packs'), readFileSync(join(root, 'out.pack')));
    expect(packedOids(all.idxPath)).toEqual(packedOids(pack.idxPath));
    expect(existsSync(join(root, 'out.pack.object'))).toBe(false);
  });

  test('are unpacked, through a file when the loose body is large', async () => {
    const folder = join(root, 'loose');
    mkdirSync(folder);
    for (let from = 0; from < 4; ) {
      const batch = await unpackBatch(pack, from, folder);
      from = batch.next;
      for (const { oid, size, body, bodyPath } of batch.loose) {
        expect(bodyPath !== undefined).toBe(oid === ids.noise);
        const raw = inflateSync(bodyPath === undefined ? body : readFileSync(bodyPath));
        const start = raw.indexOf(0) + 1;
        expect(raw.subarray(0, start).toString('latin1')).toBe(`blob ${size}\0`);
        expect(objectId('blob', raw.subarray(start))).toBe(oid);
        if (bodyPath !== undefined) rmSync(bodyPath);
      }
    }
    expect(git(root, ['hash-object', '--stdin'], small).toString().trim()).toBe(ids.small);
  });
});

test('folders may be nested 2048 deep and no deeper', async () => {
  const blob = Buffer.from('leaf');
  const entries: [number, Buffer][] = [[3, blob]];
  let child = { mode: 0o100644, name: 'f', oid: objectId('blob', blob) };
  const roots: string[] = [];
  for (let depth = 0; depth < 2049; depth++) {
    const tree = encodeTree([child]);
    entries.push([2, tree]);
    child = { mode: 0o40000, name: 'd', oid: objectId('tree', tree) };
    roots.push(child.oid);
  }
  const path = join(root, 'deep.pack');
  const writer = new PackWriter(path, entries.length);
  for (const [type, data] of entries) {
    writer.wholeHeader(type, data.length);
    writer.write(deflateSync(data));
  }
  writer.finish();
  const pack = importPack(fresh('deep'), join(root, 'deep-packs'), readFileSync(path));
  const none = new Uint8Array(0);
  const request = (tree: string): BuildRequest => ({
    packs: [pack],
    wholePacks: [],
    commits: none,
    trees: packOids([tree]),
    boundaryTrees: none,
    boundaryCommits: none,
    extra: none,
    thin: false,
    ofsDelta: true,
    outPath: join(root, 'deep-out.pack'),
  });
  expect((await buildPack(request(roots[2047]!))).objects).toBe(2049);
  await expect(buildPack(request(roots[2048]!))).rejects.toMatchObject({ code: 'INVALID_OBJECT' });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

/** A copy instruction with all offset and size bytes written out. */
function copy(offset: number, size: number): Buffer {
  const out = Buffer.alloc(8, 0xff);
  out.writeUInt32LE(offset, 1);
  out.writeUIntLE(size, 5, 3);
  return out;
}

function fillWithPattern(size: number): Buffer {
  const out = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4096) out.writeUInt32BE(at, at);
  return out;
}
