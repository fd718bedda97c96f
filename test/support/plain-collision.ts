/** Detects the near-collision blocks of an attack (Stevens, "Counter-cryptanalysis", 2013) in plain code, to compare. */
import { CONDITIONS } from '../../src/git/collision/conditions.js';
import { expand, stepBack, stepForward } from '../../src/git/collision/sha1.js';
import { VECTORS } from '../../src/git/collision/vectors.js';

const STEPS = 80;
const words = new Int32Array(STEPS);
const otherWords = new Int32Array(STEPS);
const middle = { 58: new Int32Array(5), 65: new Int32Array(5) };
const before = new Int32Array(5);
const after = new Int32Array(5);
const other = new Int32Array(5);

/** The vectors that the block at `at` may have been made with, one bit each. */
export function suspects(view: DataView, at: number): number {
  expand(view, at, words);
  let mask = -1;
  for (const { word, bit, otherWord, otherBit, equal, vectors } of CONDITIONS) {
    const differ = ((words[word]! >>> bit) ^ (words[otherWord]! >>> otherBit)) & 1;
    if (equal === (differ === 1)) mask &= ~vectors;
  }
  return mask;
}

/**
 * Hashes the block at `at` into `state`, and computes for each suspected vector the other message of the pair: when it
 * arrives at the same state, both are part of an attack.
 * @returns whether that is so
 */
export function compress(state: Int32Array, view: DataView, at: number, suspected: number): boolean {
  expand(view, at, words);
  before.set(state);
  after.set(state);
  if (suspected === 0) stepForward(after, words, 0, STEPS);
  else {
    stepForward(after, words, 0, 58);
    middle[58].set(after);
    stepForward(after, words, 58, 65);
    middle[65].set(after);
    stepForward(after, words, 65, STEPS);
  }
  for (let i = 0; i < 5; i++) state[i] = (before[i]! + after[i]!) | 0;
  for (let i = 0; i < VECTORS.length; i++) if (suspected & (1 << i) && isPair(i, state)) return true;
  return false;
}

/** @param result the state behind the block */
function isPair(index: number, result: Int32Array): boolean {
  const { difference, equalAt } = VECTORS[index]!;
  for (let i = 0; i < STEPS; i++) otherWords[i] = words[i]! ^ difference[i]!;
  other.set(middle[equalAt]);
  stepBack(other, otherWords, equalAt);
  before.set(other);
  other.set(middle[equalAt]);
  stepForward(other, otherWords, equalAt, STEPS);
  return result.every((word, i) => word === ((before[i]! + other[i]!) | 0));
}
