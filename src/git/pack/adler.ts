/** Adler-32, the checksum of a zlib stream (RFC 1950, 8.2), of short texts and of two texts in a row. */

/** Largest prime below 65,536. */
const MODULUS = 65_521;

/** @param bytes a few: each step is reduced */
export function adlerOf(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % MODULUS;
    high = (high + low) % MODULUS;
  }
  return high * 65_536 + low;
}

/**
 * The checksum of two texts behind each other, from those of both.
 * @param size of the second one, bytes
 */
export function joinAdler(first: number, second: number, size: number): number {
  const [low1, low2] = [first % 65_536, second % 65_536];
  const [high1, high2] = [Math.floor(first / 65_536), Math.floor(second / 65_536)];
  // Every byte of the second text counts the sum of the first once more; the 1 that a sum begins with, only once.
  const low = (low1 + low2 + MODULUS - 1) % MODULUS;
  const high = (high1 + high2 + (size % MODULUS) * ((low1 + MODULUS - 1) % MODULUS)) % MODULUS;
  return high * 65_536 + low;
}
