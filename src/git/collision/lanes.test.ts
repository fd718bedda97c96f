import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { compress, suspects } from '../../../test/support/plain-collision.js';
import { Random } from '../../../test/support/random.js';
import vectors from '../../../test/vectors/sha1-collision.json' with { type: 'json' };
import type { SharedStarts } from './lane-queue.js';
import { LANE_HASHER_BYTES, LaneHasher, MAX_PADDING } from './lanes.js';
import { PAIR_SCRATCH_BYTES } from './pair-code.js';
import { BLOCK_BYTES, INITIAL_STATE } from './sha1.js';
import { VECTORS } from './vectors.js';
import { createMemory, isPair, loadLanes, putTables, TABLE_BYTES } from './wasm.js';

const pair = vectors.blocks.map((blocks) => Buffer.from(vectors.prefix + blocks, 'hex'));

function hashAll(messages: readonly Uint8Array[], starts?: SharedStarts): { ids: string[]; found: number[] } {
  const total = messages.reduce((sum, { length }) => sum + length + MAX_PADDING, LANE_HASHER_BYTES);
  const memory = createMemory(Math.ceil(total / 65536));
  const bytes = new Uint8Array(memory.buffer).fill(0xff);
  const hasher = new LaneHasher(memory);
  const addresses = new Int32Array(messages.length);
  const blocks = new Int32Array(messages.length);
  let at = LANE_HASHER_BYTES;
  for (const [i, message] of messages.entries()) {
    bytes.set(message, at);
    addresses[i] = at;
    blocks[i] = hasher.pad(at, message.length);
    at += blocks[i]! * BLOCK_BYTES;
  }
  const digests = Buffer.alloc(messages.length * 20);
  const found = hasher.hash(messages.length, addresses, blocks, digests, starts);
  return { ids: messages.map((_, i) => digests.toString('hex', i * 20, i * 20 + 20)), found };
}

const sha1 = (data: Uint8Array) => createHash('sha1').update(data).digest('hex');

it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('hashes %i messages at once as crypto does', (count) => {
  const random = new Random(count + 1);
  const messages = Array.from({ length: count }, (_, i) => random.bytes((i * 7919) % 997));
  expect(hashAll(messages)).toEqual({ ids: messages.map(sha1), found: [] });
});

it('hashes every length around a block, and long messages among short ones', () => {
  const data = new Random(3).bytes(200_000);
  const sizes = [...Array(200).keys(), 200_000, 40_000, 32_759, 32_760, 65_527];
  const messages = sizes.map((size) => data.subarray(0, size));
  expect(hashAll(messages)).toEqual({ ids: messages.map(sha1), found: [] });
});

it('finds the messages that carry an attack, in whatever lane and behind whatever comes', () => {
  const random = new Random(5);
  for (let first = 0; first < 6; first++) {
    const messages = Array.from({ length: 11 }, (_, i) => random.bytes(i * 500));
    messages[first] = Buffer.concat([pair[0]!, random.bytes(first * 900)]);
    messages[first + 5] = pair[1]!;
    const { ids, found } = hashAll(messages);
    expect(ids).toEqual(messages.map(sha1));
    expect(new Set(found)).toEqual(new Set([first, first + 5]));
  }
});

/** Messages each of which begins as one before it does, or by itself. */
function relatedMessages(random: Random): { messages: Uint8Array[]; starts: SharedStarts } {
  const count = 1 + random.below(60);
  const messages: Uint8Array[] = [];
  const starts = { sources: new Int32Array(count), blocks: new Int32Array(count) };
  for (let i = 0; i < count; i++) {
    const own = random.bytes(random.below(1500));
    const source = random.below(i + 1) - 1;
    const length = Math.floor((messages[source]?.length ?? 0) / BLOCK_BYTES);
    const blocks = Math.min(length, random.below(21));
    starts.sources[i] = blocks === 0 ? -1 : source;
    starts.blocks[i] = blocks;
    messages.push(blocks === 0 ? own : Buffer.concat([messages[source]!.subarray(0, blocks * BLOCK_BYTES), own]));
  }
  return { messages, starts };
}

it('goes on where messages part, however they hang together', () => {
  const random = new Random(7);
  for (let i = 0; i < 300; i++) {
    const { messages, starts } = relatedMessages(random);
    expect(hashAll(messages, starts)).toEqual({ ids: messages.map(sha1), found: [] });
  }
});

it('finds an attack in what messages share, and behind it', () => {
  const [attack, twin] = pair as [Buffer, Buffer];
  const shared = vectors.prefix.length / 2 / BLOCK_BYTES;
  const tail = new Random(8).bytes(900);
  const messages = [attack, twin, Buffer.concat([attack, tail]), Buffer.concat([attack, tail.subarray(100)])];
  const whole = attack.length / BLOCK_BYTES;
  const starts = { sources: Int32Array.of(-1, 0, 0, 2), blocks: Int32Array.of(0, shared, whole, whole) };
  const { ids, found } = hashAll(messages, starts);
  expect(ids).toEqual(messages.map(sha1));
  expect(new Set(found)).toEqual(new Set([0, 1]));
});

it('judges any block for any vector as plain code does', () => {
  const random = new Random(11);
  const memory = createMemory(1);
  putTables(memory);
  const lanes = loadLanes(memory);
  const words = new Int32Array(memory.buffer);
  const [block, state, scratch] = [TABLE_BYTES, TABLE_BYTES + 64, TABLE_BYTES + 160];
  expect(scratch + PAIR_SCRATCH_BYTES).toBeLessThan(65536);
  const judge = (data: Uint8Array, before: Int32Array, vector: number) => {
    new Uint8Array(memory.buffer).set(data, block);
    before.forEach((word, i) => {
      words[state / 4 + i * 4] = word;
    });
    const plain = compress(before.slice(), new DataView(data.buffer, data.byteOffset, data.length), 0, 1 << vector);
    expect(isPair(lanes, block, state, 1 << vector, scratch)).toBe(plain);
    return plain;
  };
  for (let vector = 0; vector < VECTORS.length; vector++) {
    for (let i = 0; i < 20; i++) {
      const before = new Int32Array(5).map(() => random.bytes(4).readInt32LE());
      expect(judge(random.bytes(BLOCK_BYTES), before, vector)).toBe(false);
    }
  }
  // The blocks of the published attack, of which the second one ends in the same state.
  for (const file of pair) {
    const before = INITIAL_STATE.slice();
    const verdicts: boolean[] = [];
    for (let at = 0; at + BLOCK_BYTES <= file.length; at += BLOCK_BYTES) {
      const data = file.subarray(at, at + BLOCK_BYTES);
      const view = new DataView(file.buffer, file.byteOffset + at, BLOCK_BYTES);
      for (let vector = 0; vector < VECTORS.length; vector++) {
        const isFound = judge(data, before, vector);
        if ((suspects(view, 0) >>> vector) & 1) verdicts.push(isFound);
      }
      compress(before, view, 0, 0);
    }
    expect(verdicts).toContain(true);
  }
});

it('finds that any block is a pair with itself, from wherever in the block it starts', () => {
  const random = new Random(12);
  const memory = createMemory(1);
  const { pair: check } = loadLanes(memory);
  const [block, state, scratch, none, one] = [0, 64, 160, 1024, 2048];
  new Int32Array(memory.buffer)[one / 4 + 79] = 1;
  for (let i = 0; i < 50; i++) {
    new Uint8Array(memory.buffer).set(random.bytes(BLOCK_BYTES + 80), block);
    for (const isLate of [0, 1]) {
      expect(check(block, state, none, scratch, isLate)).toBe(1);
      expect(check(block, state, one, scratch, isLate)).toBe(0);
    }
  }
});
