/**
 * The exact check of a suspected block, as WebAssembly code without loops: computes the other message of the pair from
 * the middle of the block outwards. When it arrives at the same state, both are part of an attack.
 */
import { ADD, get, I32, leb, loadWord, number, SUB, set, storeWord, tee } from './assembler.js';
import { ROUND_CONSTANTS } from './sha1.js';
import { LANES } from './words-code.js';

const [AND, OR, XOR, ROTATE, EQUAL] = [0x71, 0x72, 0x73, 0x77, 0x46] as const;
const STEPS = 80;
const INPUT_WORDS = 16;

/** Function parameters, then the state of each of the two messages, a new word, and the words expanded last. */
const [BLOCK, STATE, DIFFERENCE, SCRATCH, IS_LATE] = [0, 1, 2, 3, 4] as const;
const [OWN, OTHER, NEXT, WORD] = [5, 10, 15, 16] as const;
const LOCALS = 5 + 5 + 1 + INPUT_WORDS;

/** Bytes of scratch memory that the code needs: the expanded message. */
export const PAIR_SCRATCH_BYTES = STEPS * 4;

const rotated = (bits: number) => [...number(bits), ROTATE];
const load = (local: number, word: number) => [...get(local), ...loadWord(word * 4)];

/** Expands the message into the scratch memory. */
function expand(): number[] {
  const local = (i: number) => WORD + (i % INPUT_WORDS);
  const code: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    code.push(...get(SCRATCH));
    if (i < INPUT_WORDS) {
      // Big-endian words, turned as two rotations of every other byte.
      code.push(...load(BLOCK, i), ...tee(NEXT), ...rotated(8), ...number(0x00ff00ff), AND);
      code.push(...get(NEXT), ...rotated(24), ...number(0xff00ff00 | 0), AND, OR);
    } else {
      const [first, ...rest] = [i - 3, i - 8, i - 14, i - 16].map((word) => get(local(word)));
      code.push(...first!, ...rest.flatMap((word) => [...word, XOR]), ...rotated(1));
    }
    code.push(...tee(local(i)), ...storeWord(i * 4));
  }
  return code;
}

function mix(step: number, b: number, c: number, d: number): number[] {
  const [one, two, three] = [get(b), get(c), get(d)];
  if (step < 20) return [...two, ...three, XOR, ...one, AND, ...three, XOR];
  if (step < 40 || step >= 60) return [...one, ...two, XOR, ...three, XOR];
  return [...one, ...two, AND, ...one, ...two, OR, ...three, AND, OR];
}

/** A word of the own message or, with the difference, of the other one. */
function messageWord(step: number, isOther: boolean): number[] {
  const own = load(SCRATCH, step);
  return isOther ? [...own, ...load(DIFFERENCE, step), XOR] : own;
}

/** The five locals of a state change their roles instead of their values. */
const role = (state: number, step: number, which: number) => state + ((which + STEPS - step) % 5);

function summand(state: number, step: number, isOther: boolean): number[] {
  const [b, c, d] = [1, 2, 3].map((which) => role(state, step, which)) as [number, number, number];
  const constant = number(ROUND_CONSTANTS[Math.floor(step / 20)]! | 0);
  return [...messageWord(step, isOther), ...constant, ADD, ...mix(step, b, c, d), ADD];
}

function forward(state: number, step: number, isOther: boolean): number[] {
  const [a, b, e] = [0, 1, 4].map((which) => role(state, step, which)) as [number, number, number];
  const sum = [...summand(state, step, isOther), ...get(e), ADD, ...get(a), ...rotated(5), ADD, ...set(e)];
  return [...sum, ...get(b), ...rotated(30), ...set(b)];
}

function back(state: number, step: number, isOther: boolean): number[] {
  const [a, b, e] = [0, 1, 4].map((which) => role(state, step, which)) as [number, number, number];
  const turned = [...get(b), ...rotated(2), ...set(b)];
  const sum = [...get(a), ...rotated(5), ...summand(state, step, isOther), ADD];
  return [...turned, ...get(e), ...sum, SUB, ...set(e)];
}

function steps(from: number, to: number, one: (step: number) => number[]): number[] {
  const code: number[] = [];
  if (from <= to) for (let step = from; step < to; step++) code.push(...one(step));
  else for (let step = from - 1; step >= to; step--) code.push(...one(step));
  return code;
}

const all = (one: (i: number) => number[]) => [0, 1, 2, 3, 4].flatMap(one);
const copy = (from: number, to: number) => all((i) => [...get(from + i), ...set(to + i)]);

/** The steps at which both messages of a pair may have the same state. */
const [EARLY, LATE] = [58, 65] as const;
const whenLate = (code: number[]) => [...get(IS_LATE), 0x04, 0x40, ...code, 0x0b];
const whenEarly = (code: number[]) => [...get(IS_LATE), 0x45, 0x04, 0x40, ...code, 0x0b];

/**
 * `pair(block, state, difference, scratch, isLate)`: whether the other message ends at the same state. The five words of
 * the state before the block are one lane of five vectors.
 */
export function pairBody(): number[] {
  // Both wait in the words, which are not needed any more.
  const [result, middle] = [WORD, WORD + 5];
  const own = (from: number, to: number) => steps(from, to, (step) => forward(OWN, step, false));
  const other = (from: number, to: number) => steps(from, to, (step) => forward(OTHER, step, true));
  const undone = (from: number, to: number) => steps(from, to, (step) => back(OTHER, step, true));
  const code = [
    ...expand(),
    ...all((i) => [...load(STATE, i * LANES), ...set(OWN + i)]),
    ...own(0, EARLY),
    ...whenEarly(copy(OWN, middle)),
    ...own(EARLY, LATE),
    ...whenLate(copy(OWN, middle)),
    ...own(LATE, STEPS),
    ...all((i) => [...load(STATE, i * LANES), ...get(OWN + i), ADD, ...set(result + i)]),
    ...copy(middle, OTHER),
    ...whenLate(undone(LATE, EARLY)),
    ...undone(EARLY, 0),
    ...all((i) => [...get(result + i), ...get(OTHER + i), SUB, ...set(result + i)]),
    ...copy(middle, OTHER),
    ...whenEarly(other(EARLY, LATE)),
    ...other(LATE, STEPS),
    ...all((i) => [...get(result + i), ...get(OTHER + i), EQUAL, ...(i > 0 ? [AND] : [])]),
  ];
  return [1, ...leb(LOCALS), I32, ...code, 0x0b];
}
