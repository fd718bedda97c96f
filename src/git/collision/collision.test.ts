import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compress, suspects } from '../../../test/support/plain-collision.js';
import { Random } from '../../../test/support/random.js';
import vectors from '../../../test/vectors/sha1-collision.json' with { type: 'json' };
import { CONDITIONS } from './conditions.js';
import { CollisionDetector, isCollision } from './detector.js';
import { BLOCK_BYTES, expand, INITIAL_STATE, stepBack, stepForward } from './sha1.js';
import { rotate, VECTORS } from './vectors.js';
import { createMemory, loadFilters } from './wasm.js';

const pair = vectors.blocks.map((blocks) => Buffer.from(vectors.prefix + blocks, 'hex'));
const sha1 = (data: Uint8Array) => createHash('sha1').update(data).digest('hex');
const viewOf = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset, data.byteLength);

describe('the SHAttered pair', () => {
  it('collides', () => {
    expect(sha1(pair[0]!)).toBe(sha1(pair[1]!));
    expect(pair[0]!.equals(pair[1]!)).toBe(false);
  });

  it.each([0, 1])('is found in file %i, alone and with anything behind it', (which) => {
    const file = pair[which]!;
    expect(isCollision('', file)).toBe(true);
    const random = new Random(which + 1);
    for (const size of [1, 63, 64, 70_000])
      expect(isCollision('', Buffer.concat([file, random.bytes(size)]))).toBe(true);
    for (const cut of [0, 1, 64, 191, 192, 255, 256, 319]) {
      const detector = new CollisionDetector().update(file.subarray(0, cut)).update(file.subarray(cut));
      expect(detector.finish()).toBe(true);
    }
  });

  it('is found with the header apart', () => {
    expect(isCollision(pair[0]!.toString('latin1', 0, 30), pair[0]!.subarray(30))).toBe(true);
  });

  it('is harmless as the content of a blob, whose header changes the state', () => {
    for (const file of pair) expect(isCollision(`blob ${file.length}\0`, file)).toBe(false);
  });

  it('is no longer found when a bit of either block is changed', () => {
    for (let bit = vectors.prefix.length * 4; bit < pair[0]!.length * 8; bit += 7) {
      const changed = Buffer.from(pair[0]!);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(isCollision('', changed)).toBe(false);
    }
  });

  it('was made with vector II(52,0): its blocks differ in what the vector says', () => {
    const { difference } = VECTORS.find(({ name }) => name === 'II52.0')!;
    const at = vectors.prefix.length / 2 + 64;
    for (let i = 0; i < 16; i++) {
      expect((pair[0]!.readInt32BE(at + i * 4) ^ pair[1]!.readInt32BE(at + i * 4)) | 0).toBe(difference[i]);
    }
  });
});

describe('the published tables', () => {
  it('have 32 vectors whose differences obey the message expansion', () => {
    expect(new Set(VECTORS.map(({ name }) => name)).size).toBe(32);
    for (const { difference } of VECTORS) {
      for (let i = 16; i < 80; i++) {
        expect(difference[i]).toBe(
          rotate(difference[i - 3]! ^ difference[i - 8]! ^ difference[i - 14]! ^ difference[i - 16]!, 1) | 0,
        );
      }
    }
  });

  it('relate only bits that the vectors behind them flip', () => {
    expect(CONDITIONS.length).toBe(156);
    for (const { word, bit, otherWord, otherBit, vectors: mask } of CONDITIONS) {
      expect(mask).not.toBe(0);
      for (const [i, { difference }] of VECTORS.entries()) {
        if (!(mask & (1 << i))) continue;
        expect((difference[word]! >>> bit) & 1).toBe(1);
        expect((difference[otherWord]! >>> otherBit) & 1).toBe(1);
      }
    }
  });
});

describe('the pieces', () => {
  it('steps back undo steps forward', () => {
    const random = new Random(4);
    const words = new Int32Array(80);
    for (let round = 0; round < 100; round++) {
      expand(viewOf(random.bytes(BLOCK_BYTES)), 0, words);
      for (const at of [1, 19, 20, 58, 65, 80]) {
        const state = Int32Array.from(INITIAL_STATE);
        stepForward(state, words, 0, at);
        stepBack(state, words, at);
        expect(state).toEqual(INITIAL_STATE);
      }
    }
  });

  it('hash as crypto does, plainly and in WebAssembly', () => {
    const random = new Random(6);
    const memory = createMemory(1);
    const { hash } = loadFilters(memory);
    const bytes = new Uint8Array(memory.buffer);
    for (let blocks = 1; blocks <= 20; blocks++) {
      const size = blocks * BLOCK_BYTES - 9;
      const data = random.bytes(size);
      const padded = Buffer.concat([data, Buffer.of(0x80), Buffer.alloc(8)]);
      padded.writeUInt32BE(size * 8, padded.length - 4);
      const plain = Int32Array.from(INITIAL_STATE);
      for (let i = 0; i < blocks; i++) compress(plain, viewOf(padded), i * BLOCK_BYTES, 0);
      bytes.set(padded, 64);
      new Int32Array(memory.buffer, 0, 5).set(INITIAL_STATE);
      hash(64, 0, blocks);
      const hex = (words: Int32Array) => [...words].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
      expect(hex(plain)).toBe(sha1(data));
      expect(hex(new Int32Array(memory.buffer, 0, 5))).toBe(sha1(data));
    }
  });

  it('the filter leaves the same suspects in its lanes as plain code', () => {
    const random = new Random(8);
    const memory = createMemory(1);
    const { filter } = loadFilters(memory);
    const blocks = 800;
    let suspected = 0;
    for (let round = 0; round < 5; round++) {
      const data = random.bytes(blocks * BLOCK_BYTES);
      pair[round % 2]!.copy(data, 0);
      new Uint8Array(memory.buffer).set(data);
      filter(0, 60_000, blocks / 4);
      const masks = new Int32Array(memory.buffer, 60_000, blocks);
      for (let i = 0; i < blocks; i++) {
        const plain = suspects(viewOf(data), i * BLOCK_BYTES);
        if (plain !== 0) suspected++;
        expect(masks[i]).toBe(plain);
      }
    }
    // About one block in twenty: 32 vectors with 7 to 15 conditions each.
    expect(suspected).toBeGreaterThan(100);
    expect(suspected).toBeLessThan(400);
  });
});

describe('ordinary data', () => {
  it('of every length around a block is accepted', () => {
    const data = new Random(9).bytes(400);
    for (let size = 0; size <= 400; size++) expect(isCollision(`blob ${size}\0`, data.subarray(0, size))).toBe(false);
    for (const size of [65_500, 65_526, 65_527, 65_528, 65_535, 65_536, 131_072, 200_000]) {
      expect(isCollision('', Buffer.alloc(size, data))).toBe(false);
    }
  });

  it('of some hundred files of this machine is accepted, whole and in pieces', () => {
    const folder = join(process.cwd(), 'node_modules');
    let total = 0;
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      if (total > 48 * 1024 * 1024) break;
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
      const data = readFileSync(path);
      total += data.length;
      expect(isCollision(`blob ${data.length}\0`, data), name).toBe(false);
    }
    expect(total).toBeGreaterThan(32 * 1024 * 1024);
  });
});
