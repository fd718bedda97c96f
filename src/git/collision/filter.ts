/**
 * Sorts out the blocks of one message that no attack can have made, four at a time in the lanes of WebAssembly's
 * 128-bit vectors.
 *
 * Only message bits are looked at, never the state between blocks, so this needs no hashing and its blocks are
 * independent of each other.
 */
import { ADD, get, leb, number, SUB, set, store, V128, vectorOp } from './assembler.js';
import { LAST_WORD } from './conditions.js';
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
export function filterBody(): number[] {
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
