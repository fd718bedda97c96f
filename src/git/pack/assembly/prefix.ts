/** Compares messages block by block, as SHA-1 takes them. */

const BLOCK: usize = 64;

@inline
function difference(a: usize, b: usize, at: usize): v128 {
  return v128.xor(v128.load(a + at), v128.load(b + at));
}

/** How many of the first `limit` blocks of 64 bytes at `a` and at `b` are equal. */
export function sharedBlocks(a: usize, b: usize, limit: i32): i32 {
  let blocks: i32 = 0;
  while (blocks < limit) {
    const first = v128.or(difference(a, b, 0), difference(a, b, 16));
    const second = v128.or(difference(a, b, 32), difference(a, b, 48));
    if (v128.any_true(v128.or(first, second))) break;
    a += BLOCK;
    b += BLOCK;
    blocks++;
  }
  return blocks;
}
