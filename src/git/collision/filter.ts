/**
 * Sorts out the blocks that no attack can have made, four at a time in the lanes of WebAssembly's 128-bit vectors.
 *
 * Only message bits are looked at, never the state between blocks, so this needs no hashing and its blocks are
 * independent of each other. The module is assembled here from the table of conditions (WebAssembly core
 * specification 2.0, "Binary Format"): a few kilobytes, made once per thread in about a millisecond.
 */
import {
  ADD,
  AND,
  AND_NOT,
  ANY,
  get,
  leb,
  left,
  load,
  number,
  OR,
  right,
  SUB,
  section,
  set,
  shuffle,
  spread,
  store,
  tee,
  text,
  vectorOp,
  XOR,
} from './assembler.js';
import { CONDITIONS, LAST_WORD } from './conditions.js';
import { hashBody } from './hash-code.js';

/** Blocks per round of the filter. */
export const LANES = 4;

/** Conditions before the first look at whether any vector is left, and between two looks. */
const FIRST_LOOK = 40;
const NEXT_LOOK = 12;

/** Function parameters and locals by number. */
const [FROM, OUT, ROUNDS, MASK] = [0, 1, 2, 3];
const WORD = 4;

/** The same 32 bits in every lane. */
function constant(word: number): number[] {
  const bytes = [word, word >>> 8, word >>> 16, word >>> 24].map((byte) => byte & 255);
  return [...vectorOp(0x0c), ...bytes, ...bytes, ...bytes, ...bytes];
}

/** Words 0 to 15 of four blocks: a transposition that turns big-endian words on the way. */
function loadWords(): number[] {
  const code: number[] = [];
  const turned = (input: number, word: number) => [3, 2, 1, 0].map((byte) => input * 16 + word * 4 + byte);
  const pairs = (from: number) =>
    shuffle([...turned(0, from), ...turned(1, from), ...turned(0, from + 1), ...turned(1, from + 1)]);
  const low = shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  const high = shuffle([8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]);
  for (let word = 0; word < 16; word += 4) {
    const block = (lane: number) => [...get(FROM!), ...load(lane * 64 + word * 4)];
    for (const half of [0, 2]) {
      const one = [...block(0), ...block(1), ...pairs(half)];
      const two = [...block(2), ...block(3), ...pairs(half)];
      const local = WORD + word + half;
      code.push(...one, ...set(local), ...two, ...set(local + 1));
      code.push(...get(local), ...get(local + 1), ...low, ...get(local), ...get(local + 1), ...high);
      code.push(...set(local + 1), ...set(local));
    }
  }
  return code;
}

function expandWords(): number[] {
  const code: number[] = [];
  for (let i = 16; i <= LAST_WORD; i++) {
    const [first, ...rest] = [i - 3, i - 8, i - 14, i - 16].map((word) => get(WORD + word));
    code.push(...first!, ...rest.flatMap((word) => [...word, ...XOR]));
    code.push(...tee(WORD + i), ...left(1), ...get(WORD + i), ...right(31), ...OR, ...set(WORD + i));
  }
  return code;
}

/** Takes the vectors whose conditions fail out of the mask; leaves the block it is in when none remains. */
function applyConditions(): number[] {
  const code = [...constant(-1), ...set(MASK!)];
  for (const [i, { word, bit, otherWord, otherBit, equal, vectors }] of CONDITIONS.entries()) {
    const [high, low] = bit >= otherBit ? [word, otherWord] : [otherWord, word];
    const by = Math.abs(bit - otherBit);
    code.push(...get(MASK!), ...get(WORD + low), ...left(by), ...get(WORD + high), ...XOR);
    code.push(...left(31 - Math.max(bit, otherBit)), ...spread(31));
    if (equal) code.push(...constant(vectors), ...AND, ...AND_NOT);
    else code.push(...constant(~vectors), ...OR, ...AND);
    code.push(...set(MASK!));
    if (i >= FIRST_LOOK && (i - FIRST_LOOK) % NEXT_LOOK === 0) {
      code.push(...get(MASK!), ...ANY, 0x45, 0x0d, 0);
    }
  }
  return code;
}

/** `filter(from, out, rounds)`: reads 256 bytes and writes four masks per round. */
function functionBody(): number[] {
  const step = (local: number, op: number, by: number) => [...get(local), ...number(by), op, ...set(local)];
  const conditions = [0x02, 0x40, ...applyConditions(), 0x0b];
  const round = [
    ...loadWords(),
    ...expandWords(),
    ...conditions,
    ...[...get(OUT!), ...get(MASK!), ...store()],
    ...step(FROM!, ADD, 64 * LANES),
    ...step(OUT!, ADD, 4 * LANES),
    ...step(ROUNDS!, SUB, 1),
    ...[...get(ROUNDS!), 0x0d, 0],
  ];
  const locals = [1, ...leb(1 + LAST_WORD + 1), 0x7b];
  return [...locals, 0x03, 0x40, ...round, 0x0b, 0x0b];
}

/** The bytes of the module; it imports `host.memory` and exports `filter` and `hash`. */
export function filterModule(): Uint8Array<ArrayBuffer> {
  const bodies = [functionBody(), hashBody()].flatMap((body) => [...leb(body.length), ...body]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0]),
    ...section(2, [1, ...text('host'), ...text('memory'), 2, 0, 1]),
    ...section(3, [2, 0, 0]),
    ...section(7, [2, ...text('filter'), 0, 0, ...text('hash'), 0, 1]),
    ...section(10, [2, ...bodies]),
  ]);
}
