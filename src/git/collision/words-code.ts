/** The expanded message of four blocks in vectors, and the conditions over it, as WebAssembly code. */
import { AND, AND_NOT, ANY, get, left, load, OR, right, set, shuffle, spread, XOR } from './assembler.js';
import { CONDITIONS } from './conditions.js';

/** Blocks looked at together. */
export const LANES = 4;

/** Conditions before the first look at whether any vector is left, and between two looks. */
const FIRST_LOOK = 40;
const NEXT_LOOK = 12;

/** Leaves the local rotated on the stack. */
export const rotated = (local: number, bits: number) => [
  ...get(local),
  ...left(bits),
  ...get(local),
  ...right(32 - bits),
  ...OR,
];

/**
 * Words 0 to 15 of four blocks: a transposition that turns big-endian words on the way.
 * @param block leaves the address of the block of a lane on the stack, and says how far behind it the block begins
 * @param first local of word 0
 */
export function loadWords(block: (lane: number) => { address: number[]; offset: number }, first: number): number[] {
  const code: number[] = [];
  const turned = (input: number, word: number) => [3, 2, 1, 0].map((byte) => input * 16 + word * 4 + byte);
  const pairs = (from: number) =>
    shuffle([...turned(0, from), ...turned(1, from), ...turned(0, from + 1), ...turned(1, from + 1)]);
  const low = shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  const high = shuffle([8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]);
  for (let word = 0; word < 16; word += 4) {
    const part = (lane: number) => {
      const { address, offset } = block(lane);
      return [...address, ...load(offset + word * 4)];
    };
    for (const half of [0, 2]) {
      const one = [...part(0), ...part(1), ...pairs(half)];
      const two = [...part(2), ...part(3), ...pairs(half)];
      const local = first + word + half;
      code.push(...one, ...set(local), ...two, ...set(local + 1));
      code.push(...get(local), ...get(local + 1), ...low, ...get(local), ...get(local + 1), ...high);
      code.push(...set(local + 1), ...set(local));
    }
  }
  return code;
}

/** Word `i` from the words before it. @param first local of word 0 */
export function expandWord(i: number, first: number): number[] {
  const [one, ...rest] = [i - 3, i - 8, i - 14, i - 16].map((word) => get(first + word));
  const mixed = [...one!, ...rest.flatMap((word) => [...word, ...XOR]), ...set(first + i)];
  return [...mixed, ...rotated(first + i, 1), ...set(first + i)];
}

/** What the vectors of a condition are compared with: those that it rules out, or for `!` those that it leaves. */
export const conditionWords = CONDITIONS.map(({ equal, vectors }) => (equal ? vectors : ~vectors));

/**
 * Leaves in `mask` the vectors whose conditions hold.
 * @param constant pushes an entry of {@link conditionWords} in every lane
 */
export function applyConditions(mask: number, first: number, constant: (index: number) => number[]): number[] {
  const code: number[] = [];
  for (const [i, { word, bit, otherWord, otherBit, equal }] of CONDITIONS.entries()) {
    const [high, low] = bit >= otherBit ? [word, otherWord] : [otherWord, word];
    code.push(...get(mask), ...get(first + low), ...left(Math.abs(bit - otherBit)), ...get(first + high), ...XOR);
    code.push(...left(31 - Math.max(bit, otherBit)), ...spread(31), ...constant(i));
    code.push(...(equal ? [...AND, ...AND_NOT] : [...OR, ...AND]), ...set(mask));
    if (i >= FIRST_LOOK && (i - FIRST_LOOK) % NEXT_LOOK === 0) code.push(...get(mask), ...ANY, 0x45, 0x0d, 0);
  }
  // The block that ends here is left early when no vector remains in any lane.
  return [0x02, 0x40, ...code, 0x0b];
}
