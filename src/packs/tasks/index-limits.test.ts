import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { copyDelta, ofsDelta, pack, whole } from '../../../test/support/raw-pack.js';
import { readConfig } from '../../config.js';
import { AppError } from '../../errors.js';
import { objectId } from '../../git/objects/id.js';
import { type Oid, oidToBytes } from '../../git/oid.js';
import { writeTypeAndSize } from '../../git/pack/entry.js';
import { DEFAULT_RECEIVE_LIMITS, LIMIT_VARIABLES, type ReceiveLimits } from '../../receive-limits.js';
import { indexPack } from './index-pack.js';

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-limits-'));
const path = join(folder, 'case.pack');
afterAll(() => rmSync(folder, { recursive: true }));

/** @returns why the pack is refused, or undefined */
async function refusal(bytes: Uint8Array, limits: Partial<ReceiveLimits> = {}): Promise<string | undefined> {
  writeFileSync(path, bytes);
  const request = { packPath: path, idxPath: `${path}.idx`, metaPath: `${path}.meta`, tips: [], looseUpTo: 100 };
  try {
    await indexPack({ ...request, limits: { ...DEFAULT_RECEIVE_LIMITS, ...limits } }, async () => undefined);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
}

const entry = (mode: string, name: string, oid: Oid) =>
  Buffer.concat([Buffer.from(`${mode} ${name}\0`), oidToBytes(oid)]);
const blob = Buffer.from('content');
const blobId = objectId('blob', blob);

/** Trees below each other, `depth` of them, the lowest with one file `leaf`; in the order of the pack. */
function nest(depth: number, leaf: string, folderName = 'd'): Buffer[] {
  let tree = entry('100644', leaf, blobId);
  const trees = [tree];
  for (let i = 1; i < depth; i++) {
    tree = entry('40000', folderName, objectId('tree', tree));
    trees.push(tree);
  }
  return trees;
}
const packOf = (trees: Buffer[]) => pack([whole('blob', blob), ...trees.map((tree) => whole('tree', tree))]);

describe('limits of what a pack holds', () => {
  it('are read from the environment and reach the push', () => {
    for (const [limit, variable] of Object.entries(LIMIT_VARIABLES) as [keyof ReceiveLimits, string][]) {
      expect(readConfig({}).receiveLimits[limit]).toBe(DEFAULT_RECEIVE_LIMITS[limit]);
      expect(readConfig({ [variable]: '2047' }).receiveLimits[limit]).toBe(2047);
      expect(() => readConfig({ [variable]: '0' })).toThrow(variable);
    }
  });

  it.each([false, true])(
    'trees may be 2048 deep and no deeper, whatever their order (upside down: %s)',
    async (reverse) => {
      const order = (trees: Buffer[]) => packOf(reverse ? trees.toReversed() : trees);
      expect(await refusal(order(nest(2048, 'f')))).toBeUndefined();
      expect(await refusal(order(nest(2049, 'f')))).toBe(
        'trees are nested deeper than 2048 (GITCLAW_MAX_TREE_DEPTH): nest folders less deeply',
      );
    },
  );

  it('paths may have 4096 bytes and no more', async () => {
    const name = 'n'.repeat(99);
    expect(await refusal(packOf(nest(40, 'f'.repeat(4096 - 3900), name)))).toBeUndefined();
    expect(await refusal(packOf(nest(40, 'f'.repeat(4097 - 3900), name)))).toBe(
      'a path has more bytes than 4096 (GITCLAW_MAX_PATH_BYTES): use shorter names or fewer folders',
    );
  });

  it('a tree that is used many times is counted once', async () => {
    // The "git bomb": ten trees, a billion paths.
    let tree = Buffer.concat(Array.from({ length: 10 }, (_, i) => entry('100644', `f${i}`, blobId)));
    const trees = [tree];
    for (let level = 1; level < 10; level++) {
      const below = objectId('tree', tree);
      tree = Buffer.concat(Array.from({ length: 10 }, (_, i) => entry('40000', `d${i}`, below)));
      trees.push(tree);
    }
    expect(await refusal(packOf(trees))).toBeUndefined();
    expect(await refusal(packOf(trees), { maxTreeDepth: 9 })).toMatch(/nested deeper than 9 /);
  });

  it.each<[Partial<ReceiveLimits>, string]>([
    [
      { maxTreeEntries: 1 },
      'a tree has more entries than 1 (GITCLAW_MAX_TREE_ENTRIES): spread the files over several folders',
    ],
    [
      { maxObjects: 1 },
      'the packfile has 2 objects, which is more than 1 (GITCLAW_MAX_PACK_OBJECTS): push the history in smaller steps',
    ],
    [
      { maxInflatedBytes: 50 },
      'the packfile inflates to more bytes than 50 (GITCLAW_MAX_INFLATED_BYTES): push the history in smaller steps',
    ],
    [
      { maxObjectBytes: 50 },
      'a tree of 58 bytes is larger than the bytes allowed: 50 (GITCLAW_MAX_OBJECT_BYTES): keep files of this size out of git',
    ],
  ])('%j is named with its value and a way out', async (limits, message) => {
    const tree = Buffer.concat([entry('100644', 'a', blobId), entry('100644', 'b', blobId)]);
    expect(await refusal(packOf([tree]))).toBeUndefined();
    expect(await refusal(packOf([tree]), limits)).toBe(message);
  });

  it('messages of commits and tags have a limit', async () => {
    const who = 'A <a@b> 1 +0000';
    const tree = entry('100644', 'a', blobId);
    const commit = `tree ${objectId('tree', tree)}\nauthor ${who}\ncommitter ${who}\n\n`;
    const tag = `object ${blobId}\ntype blob\ntag v\ntagger ${who}\n\n`;
    for (const [type, head] of [
      ['commit', commit],
      ['tag', tag],
    ] as const) {
      const received = (size: number) =>
        pack([whole('blob', blob), whole('tree', tree), whole(type, head + 'm'.repeat(size))]);
      expect(await refusal(received(1000), { maxMessageBytes: 1000 })).toBeUndefined();
      expect(await refusal(received(1001), { maxMessageBytes: 1000 })).toBe(
        'a message has more bytes than 1000 (GITCLAW_MAX_MESSAGE_BYTES): shorten the message',
      );
    }
  });
});

describe('bombs', () => {
  /** Runs `work` and returns what it cost: CPU seconds and growth of this process in MiB. */
  async function cost(work: () => Promise<unknown>): Promise<{ seconds: number; growth: number }> {
    const before = process.memoryUsage().rss;
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 5);
    const start = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(start);
    clearInterval(timer);
    peak = Math.max(peak, process.memoryUsage().rss);
    return { seconds: (user + system) / 1e6, growth: (peak - before) / 2 ** 20 };
  }

  /** A zlib stream of zeros, about a thousandth of `size`, which is a multiple of 16 MiB. */
  function zeros(size: number): Buffer {
    const piece = 16 * 1024 * 1024;
    const block = deflateRawSync(Buffer.alloc(piece), { level: 9, finishFlush: 2 });
    const adler = Buffer.alloc(4);
    adler.writeUInt32BE((size % 65521) * 65536 + 1);
    const blocks = Array.from({ length: size / piece }, () => block);
    return Buffer.concat([Buffer.of(0x78, 0xda), ...blocks, Buffer.of(3, 0), adler]);
  }

  it('a megabyte that inflates to a gigabyte is refused in time and memory', async () => {
    const sizes = [240, 224, 208, 192, 176].map((size) => size * 1024 * 1024);
    const bytes = pack(sizes.map((size) => Buffer.concat([Buffer.from(writeTypeAndSize(3, size)), zeros(size)])));
    expect(bytes.length).toBeLessThan(1.2 * 1024 * 1024);
    const { seconds, growth } = await cost(async () =>
      expect(await refusal(bytes)).toMatch(/at a ratio of 500 \(GITCLAW_MAX_INFLATION_RATIO\): push/),
    );
    expect(seconds).toBeLessThan(5);
    expect(growth).toBeLessThan(128);
  });

  it('an object that inflates to more than it says is refused at once', async () => {
    const bomb = Buffer.concat([Buffer.from(writeTypeAndSize(3, 20 * 1024 * 1024)), zeros(512 * 1024 * 1024)]);
    const { seconds, growth } = await cost(async () =>
      expect(await refusal(pack([bomb]))).toMatch(/inflates to another size/),
    );
    expect(seconds).toBeLessThan(5);
    expect(growth).toBeLessThan(128);
  });

  it('deltas that make gigabytes of a kilobyte are refused before they are applied', async () => {
    const base = Buffer.alloc(1024 * 1024);
    const first = whole('blob', base);
    const entries = [first];
    let distance = first.length;
    for (let i = 0; i < 64; i++) {
      const delta = ofsDelta(distance, copyDelta(base.length, 0xfffff - i, 1000));
      entries.push(delta);
      distance += delta.length;
    }
    const { seconds, growth } = await cost(async () =>
      expect(await refusal(pack(entries))).toMatch(/GITCLAW_MAX_INFLATION_RATIO|GITCLAW_MAX_OBJECT_BYTES/),
    );
    expect(seconds).toBeLessThan(5);
    expect(growth).toBeLessThan(128);
  });
});
