/**
 * Sorts out the blocks of one message that no attack can have made, four at a time in the lanes of WebAssembly's
 * 128-bit vectors.
 *
 * Only message bits are looked at, never the state between blocks, so this needs no hashing and its blocks are
 * independent of each other. The module is assembled here from the table of conditions (WebAssembly core
 * specification 2.0, "Binary Format"): some kilobytes, made once per thread.
 */
import { ADD, get, leb, number, SUB, section, set, store, text, V128, vectorOp } from './assembler.js';
import { LAST_WORD } from './conditions.js';
import { hashBody } from './hash-code.js';
import { lanesBody } from './lanes-code.js';
import { pairBody } from './pair-code.js';
import { applyConditions, conditionWords, expandWord, LANES, loadWords } from './words-code.js';

/** Function parameters and locals by number. */
const [FROM, OUT, ROUNDS, MASK] = [0, 1, 2, 3] as const;
const WORD = 4;

/** The same 32 bits in every lane. */
function constant(word: number): number[] {
  const bytes = [word, word >>> 8, word >>> 16, word >>> 24].map((byte) => byte & 255);
  return [...vectorOp(0x0c), ...bytes, ...bytes, ...bytes, ...bytes];
}

/** `filter(from, out, rounds)`: reads 256 bytes and writes four masks per round. */
function filterBody(): number[] {
  const step = (local: number, op: number, by: number) => [...get(local), ...number(by), op, ...set(local)];
  const round = [
    ...loadWords((lane) => ({ address: get(FROM), offset: lane * 64 }), WORD),
    ...Array.from({ length: LAST_WORD - 15 }, (_, i) => expandWord(16 + i, WORD)).flat(),
    ...[...constant(-1), ...set(MASK)],
    ...applyConditions(MASK, WORD, (i) => constant(conditionWords[i]!)),
    ...[...get(OUT), ...get(MASK), ...store()],
    ...step(FROM, ADD, 64 * LANES),
    ...step(OUT, ADD, 4 * LANES),
    ...step(ROUNDS, SUB, 1),
    ...[...get(ROUNDS), 0x0d, 0],
  ];
  return [1, ...leb(1 + LAST_WORD + 1), V128, 0x03, 0x40, ...round, 0x0b, 0x0b];
}

/** The functions of the module, each with its type: three numbers, two, or four that give one. */
const FUNCTIONS: readonly { name: string; type: 0 | 1 | 2; body: () => number[] }[] = [
  { name: 'filter', type: 0, body: filterBody },
  { name: 'hash', type: 0, body: hashBody },
  { name: 'lanes', type: 1, body: lanesBody },
  { name: 'pair58', type: 2, body: () => pairBody(58) },
  { name: 'pair65', type: 2, body: () => pairBody(65) },
];

/** The bytes of the module; it imports `host.memory`. */
export function filterModule(): Uint8Array<ArrayBuffer> {
  const i32 = (count: number) => [count, ...Array<number>(count).fill(0x7f)];
  const types = [i32(3), i32(2), i32(4)].map((input, type) => [0x60, ...input, ...i32(type === 2 ? 1 : 0)]);
  const vector = (items: number[][]) => [...leb(items.length), ...items.flat()];
  const bodies = FUNCTIONS.map(({ body }) => body()).map((code) => leb(code.length).concat(code));
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, [1, ...text('host'), ...text('memory'), 2, 0, 1]),
    ...section(3, vector(FUNCTIONS.map(({ type }) => [type]))),
    ...section(7, vector(FUNCTIONS.map(({ name }, i) => [...text(name), 0, i]))),
    ...section(10, vector(bodies)),
  ]);
}
