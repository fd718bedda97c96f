/**
 * The disturbance vectors that a SHA-1 collision attack must be built on to be feasible: the 32 of Stevens and Shumow,
 * "Speeding up detection of SHA-1 collision attacks using unavoidable attack conditions" (2017), named as in Manuel,
 * "Classification and generation of disturbance vectors for collision attacks against SHA-1" (2008).
 */

export interface DisturbanceVector {
  /** Such as `I48.0` or `II52.0`: type, first of the 15 steps without a disturbance, bit. */
  name: string;
  /** The first step at which both messages of a colliding pair have the same state, of 58 and 65. */
  equalAt: 58 | 65;
  /** What the expanded messages of a pair differ in, 80 words. */
  difference: Int32Array;
}

const STEPS = 80;
/** Local collisions that begin this many steps early still end within the 80. */
const BEFORE = 5;
const NAMES = (
  'I43.0 I44.0 I45.0 I46.0 I46.2 I47.0 I47.2 I48.0 I48.2 I49.0 I49.2 I50.0 I50.2 I51.0 I51.2 I52.0 ' +
  'II45.0 II46.0 II46.2 II47.0 II48.0 II49.0 II49.2 II50.0 II50.2 II51.0 II51.2 II52.0 II53.0 II54.0 II55.0 II56.0'
).split(' ');

/** In the order of the bits of every mask in this folder. */
export const VECTORS: readonly DisturbanceVector[] = NAMES.map(vector);

function vector(name: string): DisturbanceVector {
  const [, type, first, bit] = /^(I{1,2})(\d+)\.(\d)$/.exec(name)!;
  const k = Number(first);
  return {
    name,
    equalAt: k > (type === 'I' ? 50 : 49) ? 65 : 58,
    difference: difference(disturbances(type === 'II', k, Number(bit))),
  };
}

/** Which bits are disturbed in step `i`, at index `i + BEFORE`: 16 words decide all, by the message expansion. */
function disturbances(isTypeTwo: boolean, k: number, bit: number): Int32Array {
  const out = new Int32Array(BEFORE + STEPS);
  const at = k + BEFORE;
  out[at + 15] = 1 << bit;
  if (isTypeTwo) {
    out[at + 1] = rotate(1, 31 + bit);
    out[at + 3] = rotate(1, 31 + bit);
  }
  for (let i = at + 16; i < out.length; i++)
    out[i] = rotate(out[i - 3]! ^ out[i - 8]! ^ out[i - 14]! ^ out[i - 16]!, 1);
  for (let i = at - 1; i >= 0; i--) out[i] = rotate(out[i + 16]!, 31) ^ out[i + 13]! ^ out[i + 8]! ^ out[i + 2]!;
  return out;
}

/** Each disturbance is corrected in the five steps behind it. */
function difference(disturbed: Int32Array): Int32Array {
  return Int32Array.from({ length: STEPS }, (_, step) => {
    const at = step + BEFORE;
    const late = rotate(disturbed[at - 3]! ^ disturbed[at - 4]! ^ disturbed[at - 5]!, 30);
    return disturbed[at]! ^ rotate(disturbed[at - 1]!, 5) ^ disturbed[at - 2]! ^ late;
  });
}

/** Rotates 32 bits to the left. */
export function rotate(word: number, bits: number): number {
  return (word << (bits & 31)) | (word >>> (-bits & 31));
}
