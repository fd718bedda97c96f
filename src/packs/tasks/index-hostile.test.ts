import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../test/support/random.js';
import {
  copies,
  copyDelta,
  insertDelta,
  ofsDelta,
  pack,
  refDelta,
  sealed,
  varint,
  whole,
} from '../../../test/support/raw-pack.js';
import { AppError } from '../../errors.js';
import { objectId } from '../../git/objects/id.js';
import { type Oid, oidToBytes } from '../../git/oid.js';
import { OFS_DELTA, writeBaseDistance, writeTypeAndSize } from '../../git/pack/entry.js';
import { DEFAULT_PACK_LIMITS } from '../../git/pack/limits.js';
import type { IndexResult, PackLimits } from '../contract.js';
import { indexPack } from './index-pack.js';

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-hostile-'));
const path = join(folder, 'case.pack');
afterAll(() => rmSync(folder, { recursive: true }));

async function receive(bytes: Uint8Array, limits: Partial<PackLimits> = {}): Promise<IndexResult> {
  writeFileSync(path, bytes);
  const request = { packPath: path, idxPath: `${path}.idx`, metaPath: `${path}.meta`, tips: [], looseUpTo: 100 };
  return indexPack({ ...request, limits: { ...DEFAULT_PACK_LIMITS, ...limits } }, async () => undefined);
}

async function refusal(bytes: Uint8Array, limits: Partial<PackLimits> = {}): Promise<string> {
  const error = await receive(bytes, limits).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw error ?? new Error('the pack was accepted');
  return `${error.code}: ${error.message}`;
}

/** Leaves its index in `git.idx`. */
function gitAccepts(bytes: Buffer): boolean {
  const file = join(folder, 'git');
  writeFileSync(file, bytes);
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', HOME: folder };
  return spawnSync('git', ['index-pack', '--strict', '-o', `${file}.idx`, file], { env, cwd: folder }).status === 0;
}

const text = 'the quick brown fox jumps over the lazy dog\n'.repeat(3);
const first = whole('blob', text);
function smallPack(): Buffer {
  const tree = whole(
    'tree',
    Buffer.concat([Buffer.from('100644 a\0'), oidToBytes(objectId('blob', Buffer.from(text)))]),
  );
  const offset = ofsDelta(first.length + tree.length, insertDelta(text.length, 'by offset'));
  return pack([first, tree, offset, refDelta(objectId('blob', Buffer.from(text)), copyDelta(text.length, 9, 2))]);
}

describe('damaged packs', () => {
  it('starts from a pack that is accepted', async () => {
    expect(await receive(smallPack())).toMatchObject({ objects: 4, tight: false });
  });

  it('refuses every truncation', async () => {
    const bytes = smallPack();
    for (let length = 0; length < bytes.length; length++) {
      expect(await refusal(bytes.subarray(0, length))).toMatch(/^INVALID_PACKFILE: /);
      if (length < bytes.length - 20) {
        expect(await refusal(sealed(bytes.subarray(0, length)))).toMatch(/^INVALID_PACKFILE: /);
      }
    }
  });

  it('refuses every flipped byte', async () => {
    const bytes = smallPack();
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0xff;
      expect(await refusal(damaged)).toMatch(/^INVALID_PACKFILE: /);
    }
  });

  it('accepts nothing that git index-pack --strict refuses, however the bytes are changed', async () => {
    const bytes = smallPack();
    const body = bytes.subarray(0, -20);
    const random = new Random(41);
    const verdicts = { refused: 0, accepted: 0 };
    for (let round = 0; round < 4; round++) {
      for (let at = 0; at < body.length; at++) {
        const damaged = Buffer.from(body);
        damaged[at]! ^= round === 0 ? 0xff : 1 + random.below(255);
        const changed = sealed(damaged);
        const outcome = await receive(changed).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(AppError);
          verdicts.refused++;
        } else {
          expect(gitAccepts(changed), `byte ${at}, round ${round}`).toBe(true);
          verdicts.accepted++;
        }
      }
    }
    expect(verdicts.refused).toBeGreaterThan(500);
  });

  it('leaves no scratch file', () => {
    expect(readdirSync(folder).filter((name) => name.includes('scratch'))).toEqual([]);
  });
});

describe('lies about size and count', () => {
  it.each<[string, Buffer, RegExp]>([
    ['no pack', Buffer.from('not a pack, but long enough to look at'), /does not begin with PACK/],
    ['another version', sealed(Buffer.from('PACK\0\0\0\x04\0\0\0\0', 'latin1')), /unknown version 4/],
    ['more objects than bytes', pack([first], 4_000_000), /too short for the objects/],
    [
      'more objects than allowed',
      pack([first], 4_000_000_000),
      /4000000000 objects, which is more than 5000000 \(GITCLAW_MAX_PACK_OBJECTS\): push/,
    ],
    ['fewer objects than there are', pack([first, whole('blob', 'b')], 1), /bytes behind its last object/],
    ['a type that does not exist', pack([Buffer.concat([Buffer.from([0x51]), deflateSync('a')])]), /unknown type 5/],
    ['a larger size', pack([whole('blob', 'abc', 4)]), /another size/],
    ['a smaller size', pack([whole('blob', 'abcdef', 4)]), /another size/],
    ['an enormous size', pack([whole('blob', 'abc', 2 ** 45)]), /inflates to more bytes|larger than/],
    ['a size beyond all numbers', pack([whole('blob', 'abc', 2 ** 53 + 2)]), /impossible header/],
    ['the same object twice', pack([first, first]), /is twice in the packfile/],
    ['a base offset inside an object', pack([first, ofsDelta(5, insertDelta(text.length, 'x'))]), /no object begins/],
    ['a base offset of itself', pack([first, ofsDelta(0, insertDelta(text.length, 'x'))]), /no object begins/],
    ['a base before the pack', pack([first, ofsDelta(9999, insertDelta(text.length, 'x'))]), /no object begins/],
    ['a delta for another base', pack([first, ofsDelta(first.length, insertDelta(3, 'x'))]), /base of another size/],
    ['an empty delta', pack([first, ofsDelta(first.length, Buffer.alloc(0))]), /delta header is truncated/],
  ])('refuses %s', async (_name, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message);
    expect(gitAccepts(bytes)).toBe(false);
  });

  it('refuses what is larger than the limits before inflating it', async () => {
    const bytes = pack([whole('blob', Buffer.alloc(5000))]);
    expect(await refusal(bytes, { maxObjectBytes: 4999 })).toMatch(
      /larger than the bytes allowed: 4999 \(GITCLAW_MAX_OBJECT_BYTES\): keep/,
    );
    expect(await refusal(bytes, { maxInflatedBytes: 4999 })).toMatch(/inflates to more bytes/);
    expect(await refusal(bytes, { maxObjects: 0 })).toMatch(/more than 0 \(GITCLAW_MAX_PACK_OBJECTS\)/);
    expect(await receive(bytes, { maxObjects: 1, maxObjectBytes: 5000, maxInflatedBytes: 5000 })).toBeDefined();
  });

  it('refuses a commit that would not fit in memory', async () => {
    expect(await refusal(pack([whole('commit', Buffer.alloc(17 * 1024 * 1024))]))).toMatch(
      /a commit of 17825792 bytes/,
    );
  });

  it('refuses a zlib stream padded with empty blocks', async () => {
    const padding = Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from([0, 0, 0, 0xff, 0xff])));
    const entry = Buffer.concat([Buffer.from(writeTypeAndSize(3, 1)), Buffer.from([0x78, 0x9c]), padding]);
    expect(await refusal(pack([entry]))).toMatch(/padded|ends inside/);
  });
});

describe('bombs and chains', () => {
  it('refuses a small pack of deltas that make terabytes, at once', async () => {
    const size = 1024 * 1024;
    const base = whole('blob', Buffer.alloc(size));
    const entries = [base];
    for (let i = 0, back = base.length; i < 5000; i++) {
      entries.push(ofsDelta(back, copyDelta(size, size - 1 - i, 16)));
      back += entries.at(-1)!.length;
    }
    const start = process.cpuUsage();
    expect(await refusal(pack(entries))).toMatch(/inflates to more bytes/);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(5);
  });

  it('refuses a small pack with endless delta data before inflating it', async () => {
    const header = Buffer.from([...writeTypeAndSize(OFS_DELTA, 200 * 1024 * 1024), ...writeBaseDistance(first.length)]);
    expect(await refusal(pack([first, header, deflateSync('x')], 2))).toMatch(/more delta data than is allowed/);
  });

  it.each([4095, 4096, 10_000])('resolves %i deltas in a row if that is not too deep', async (depth) => {
    const entries = [whole('blob', 'start')];
    let baseSize = 5;
    for (let i = 0; i < depth; i++) {
      const next = `link ${i}`;
      entries.push(ofsDelta(entries.at(-1)!.length, insertDelta(baseSize, next)));
      baseSize = next.length;
    }
    if (depth <= 4095) expect(await receive(pack(entries))).toMatchObject({ objects: depth + 1 });
    else expect(await refusal(pack(entries))).toMatch(/longer than 4095/);
  });

  it('resolves deltas by id in any order', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `link ${i}`);
    const oids = names.map((name) => objectId('blob', Buffer.from(name)));
    const entries = names.map((name, i) =>
      i === 0 ? whole('blob', name) : refDelta(oids[i - 1]!, insertDelta(names[i - 1]!.length, name)),
    );
    const bytes = pack(entries.toReversed());
    expect(await receive(bytes)).toMatchObject({ objects: 50, appendedBases: 0 });
    expect(gitAccepts(bytes)).toBe(true);
  });

  it('refuses deltas that are bases of each other', async () => {
    const [a, b] = ['object a', 'object b'];
    const [oidA, oidB] = [objectId('blob', Buffer.from(a)), objectId('blob', Buffer.from(b))];
    const bytes = pack([refDelta(oidB, insertDelta(8, a)), refDelta(oidA, insertDelta(8, b))]);
    expect(await refusal(bytes)).toContain(`the delta base ${oidB} is neither`);
  });
});

describe('large contents', () => {
  const MiB = 1024 * 1024;

  async function expectAsGit(bytes: Buffer): Promise<void> {
    const result = await receive(bytes);
    expect(result.objects).toBe(bytes.readUInt32BE(8));
    expect(gitAccepts(bytes)).toBe(true);
    expect(readFileSync(`${path}.idx`).equals(readFileSync(join(folder, 'git.idx')))).toBe(true);
  }

  it('pass through scratch files: bases, results and delta data', async () => {
    const content = new Random(3).bytes(100_000);
    const base = Buffer.concat(Array.from({ length: 180 }, () => content));
    const instruction = Buffer.concat([Buffer.from([100]), content.subarray(0, 100)]);
    const inserted = Math.ceil((17 * MiB) / 101) * 100;
    const inserts = Buffer.alloc((inserted / 100) * 101, instruction);
    const long = Buffer.from([...varint(base.length), ...varint(inserted)]);
    const entries = [whole('blob', base)];
    const onBase = [copyDelta(base.length, 65_000, 300), copyDelta(base.length, 99, 5), Buffer.concat([long, inserts])];
    for (const delta of onBase) {
      const distance = entries.reduce((sum, entry) => sum + entry.length, 0);
      entries.push(ofsDelta(distance, delta));
    }
    const onLong = insertDelta(inserted, 'small again');
    entries.push(ofsDelta(entries.at(-1)!.length, onLong));
    await expectAsGit(pack(entries));
  });

  it('that wait for their turn are spilled and come back', async () => {
    const size = 6 * MiB;
    const entries = [whole('blob', Buffer.alloc(size, new Random(5).bytes(1009)))];
    let baseSize = size;
    for (let depth = 0; depth < 14; depth++) {
      const leaf = ofsDelta(entries.at(-1)!.length, copyDelta(baseSize, 5000 + depth, 3));
      const rest = baseSize - 1000;
      const shrunk = Buffer.from([...varint(baseSize), ...varint(rest), ...copies(1000, rest)]);
      const other = ofsDelta(entries.at(-1)!.length + leaf.length, shrunk);
      entries.push(leaf, other);
      baseSize = rest;
    }
    await expectAsGit(pack(entries));
  });
});

describe('objects', () => {
  const blob = objectId('blob', Buffer.from(text));
  const treeOf = (mode: string, name: string, oid: Oid) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), oidToBytes(oid)]);

  it('are refused by the id of the fsck rule they break', async () => {
    const data = treeOf('100644', '.git', blob);
    const oid = objectId('tree', data);
    expect(await refusal(pack([first, whole('tree', data)]))).toMatch(
      new RegExp(`^INVALID_OBJECT: ${oid}: hasDotgit: `),
    );
  });

  it('may not be named as another type than they are', async () => {
    const message = `INVALID_OBJECT: ${blob}: wrongType: the object is named as a tree and as a blob`;
    expect(await refusal(pack([first, whole('tree', treeOf('40000', 'a', blob))]))).toBe(message);
    const both = Buffer.concat([treeOf('40000', 'a', blob), treeOf('100644', 'b', blob)]);
    expect(await refusal(pack([whole('tree', both)]))).toBe(message);
  });

  it('of submodules are not asked for', async () => {
    const result = await receive(pack([whole('tree', treeOf('160000', 'module', blob))]));
    expect(result.externalOids).toHaveLength(0);
  });
});
