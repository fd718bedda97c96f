/** SHA-1's compression function (FIPS 180-4), taken apart so that a block can be computed again from its middle. */
import { rotate } from './vectors.js';

export const BLOCK_BYTES = 64;
const STEPS = 80;

/** The state before the first block. */
export const INITIAL_STATE = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);

/** Words 0 to 79 of the expanded message of the block at `at`. */
export function expand(view: DataView, at: number, words: Int32Array): void {
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < STEPS; i++) {
    words[i] = rotate(words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!, 1);
  }
}

/** What is added in each of the 20 steps of a round. */
export const ROUND_CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6] as const;
const ROUND_STEPS = 20;

/** Takes `state` (five words) from step `from` to step `to`. */
export function stepForward(state: Int32Array, words: Int32Array, from: number, to: number): void {
  for (let step = from; step < to; ) {
    const round = Math.floor(step / ROUND_STEPS);
    const end = Math.min(to, (round + 1) * ROUND_STEPS);
    roundForward(state, words, step, end, round);
    step = end;
  }
}

function roundForward(state: Int32Array, words: Int32Array, from: number, to: number, round: number): void {
  let [a, b, c, d, e] = state as unknown as [number, number, number, number, number];
  const constant = ROUND_CONSTANTS[round]! | 0;
  for (let step = from; step < to; step++) {
    const next = (((a << 5) | (a >>> 27)) + mix(round, b, c, d) + e + constant + words[step]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  put(state, a, b, c, d, e);
}

/** Undoes {@link stepForward}: takes `state` from step `from` back to the beginning. */
export function stepBack(state: Int32Array, words: Int32Array, from: number): void {
  for (let step = from; step > 0; ) {
    const round = Math.floor((step - 1) / ROUND_STEPS);
    roundBack(state, words, step, round * ROUND_STEPS, round);
    step = round * ROUND_STEPS;
  }
}

function roundBack(state: Int32Array, words: Int32Array, from: number, to: number, round: number): void {
  let [a, b, c, d, e] = state as unknown as [number, number, number, number, number];
  const constant = ROUND_CONSTANTS[round]! | 0;
  for (let step = from - 1; step >= to; step--) {
    const next = a;
    a = b;
    b = (c << 2) | (c >>> 30);
    c = d;
    d = e;
    e = (next - ((a << 5) | (a >>> 27)) - mix(round, b, c, d) - constant - words[step]!) | 0;
  }
  put(state, a, b, c, d, e);
}

function put(state: Int32Array, a: number, b: number, c: number, d: number, e: number): void {
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
  state[4] = e;
}

function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return d ^ (b & (c ^ d));
  return round === 2 ? (b & c) | (d & (b | c)) : b ^ c ^ d;
}
