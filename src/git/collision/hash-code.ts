/** SHA-1's compression function (FIPS 180-4) as WebAssembly code without loops, for the blocks that are no suspects. */
import { ADD, get, leb, number, set, tee } from './assembler.js';
import { ROUND_CONSTANTS } from './sha1.js';

const [AND, OR, XOR, ROTATE, SUB] = [0x71, 0x72, 0x73, 0x77, 0x6b] as const;
/** Function parameters, the state, a new word, and the last 16 words of the expanded message, by number of the local. */
const [FROM, STATE, BLOCKS] = [0, 1, 2] as const;
const [A, NEXT, WORD] = [3, 8, 9] as const;

const load = (local: number, offset: number) => [...get(local), 0x28, 2, ...leb(offset)];
const rotated = (bits: number) => [...number(bits), ROTATE];

/** Leaves word `step` of the expanded message on the stack and in its local. */
function word(step: number): number[] {
  const local = (i: number) => WORD + (i & 15);
  if (step >= 16) {
    const [first, ...rest] = [step - 3, step - 8, step - 14, step - 16].map((i) => get(local(i)));
    return [...first!, ...rest.flatMap((code) => [...code, XOR]), ...rotated(1), ...tee(local(step))];
  }
  // Big-endian words, turned as two rotations of every other byte.
  const raw = [...load(FROM, step * 4), ...tee(NEXT)];
  const odd = [...raw, ...rotated(8), ...number(0x00ff00ff), AND];
  const even = [...get(NEXT), ...rotated(24), ...number(0xff00ff00 | 0), AND];
  return [...odd, ...even, OR, ...tee(local(step))];
}

function mix(step: number, b: number, c: number, d: number): number[] {
  const [one, two, three] = [get(b), get(c), get(d)];
  if (step < 20) return [...two, ...three, XOR, ...one, AND, ...three, XOR];
  if (step < 40 || step >= 60) return [...one, ...two, XOR, ...three, XOR];
  return [...one, ...two, AND, ...one, ...two, OR, ...three, AND, OR];
}

/** `hash(from, state, blocks)`: takes the five words at `state` through consecutive blocks. */
export function hashBody(): number[] {
  const code: number[] = [];
  for (let i = 0; i < 5; i++) code.push(...load(STATE, i * 4), ...set(A + i));
  for (let step = 0; step < 80; step++) {
    // The five locals change their roles instead of their values.
    const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((i) => A + ((i + 80 - step) % 5)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    code.push(...word(step), ...number(ROUND_CONSTANTS[Math.floor(step / 20)]! | 0), ADD, ...mix(step, b, c, d), ADD);
    code.push(...get(e), ADD, ...get(a), ...rotated(5), ADD, ...set(e));
    code.push(...get(b), ...rotated(30), ...set(b));
  }
  for (let i = 0; i < 5; i++) {
    code.push(...get(STATE), ...load(STATE, i * 4), ...get(A + i), ADD, 0x36, 2, ...leb(i * 4));
  }
  code.push(...get(FROM), ...number(64), ADD, ...set(FROM), ...get(BLOCKS), ...number(1), SUB, ...tee(BLOCKS), 0x0d, 0);
  return [1, ...leb(6 + 16), 0x7f, 0x03, 0x40, ...code, 0x0b, 0x0b];
}
