/**
 * SHA-1 over four messages at a time, in the lanes of WebAssembly's 128-bit vectors, together with the search for blocks
 * that an attack may have made: both need the expanded message.
 *
 * The search looks at message bits only and sorts out all but one block in twenty. What is left is written to a log with
 * the state before the block, for the exact check of pair-code.ts.
 */
import {
  ADD,
  AND,
  ANY,
  get,
  I32,
  leb,
  load,
  loadWord,
  number,
  OR,
  SUB,
  SUM,
  set,
  store,
  storeWord,
  tee,
  V128,
  XOR,
} from './assembler.js';
import { ROUND_CONSTANTS } from './sha1.js';
import { applyConditions, conditionWords, expandWord, LANES, loadWords, rotated } from './words-code.js';

/** A job: four addresses of blocks, five vectors of state, the end of the log. */
export const JOB = { blocks: 0, state: 16, logEnd: 96, bytes: 112 } as const;

/** A row of the log: four masks of suspected vectors, four addresses of blocks, five vectors of state. */
export const LOG_ROW = { masks: 0, blocks: 16, state: 32, bytes: 112 } as const;

/** Function parameters and locals by number. */
const [JOB_AT, STEPS, BLOCK, LOG] = [0, 1, 2, 6] as const;
const [MASK, A, WORD] = [7, 8, 13] as const;
const WORDS = 80;

/**
 * What the code reads at the start of the memory, each of it four times in a row: a vector that is part of the code
 * costs several instructions instead of one.
 */
export const LANE_CONSTANTS: readonly number[] = [...ROUND_CONSTANTS, -1, ...conditionWords];
const EVERY_VECTOR = ROUND_CONSTANTS.length;

const constant = (index: number) => [...number(0), ...load(index * 16)];

function mix(round: number, b: number, c: number, d: number): number[] {
  const [one, two, three] = [get(b), get(c), get(d)];
  if (round === 0) return [...two, ...three, ...XOR, ...one, ...AND, ...three, ...XOR];
  if (round !== 2) return [...one, ...two, ...XOR, ...three, ...XOR];
  return [...one, ...two, ...AND, ...one, ...two, ...OR, ...three, ...AND, ...OR];
}

const state = (i: number) => [...get(JOB_AT), ...load(JOB.state + i * 16)];

function rounds(): number[] {
  const code: number[] = [];
  for (let i = 0; i < 5; i++) code.push(...state(i), ...set(A + i));
  for (let step = 0; step < WORDS; step++) {
    // The five locals change their roles instead of their values.
    const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((role) => A + ((role + WORDS - step) % 5)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const round = Math.floor(step / 20);
    if (step >= 16) code.push(...expandWord(step, WORD));
    code.push(...get(e), ...get(WORD + step), ...constant(round), ...SUM, ...SUM);
    code.push(...mix(round, b, c, d), ...SUM, ...rotated(a, 5), ...SUM, ...set(e));
    code.push(...rotated(b, 30), ...set(b));
  }
  return code;
}

const eachLane = (one: (lane: number) => number[]) => Array.from({ length: LANES }, (_, lane) => one(lane)).flat();
const eachWord = (one: (i: number) => number[]) => [0, 1, 2, 3, 4].flatMap(one);

function logRow(): number[] {
  return [
    ...[...get(LOG), ...get(MASK), ...store(LOG_ROW.masks)],
    ...eachLane((lane) => [...get(LOG), ...get(BLOCK + lane), ...storeWord(LOG_ROW.blocks + lane * 4)]),
    ...eachWord((i) => [...get(LOG), ...state(i), ...store(LOG_ROW.state + i * 16)]),
    ...[...get(LOG), ...number(LOG_ROW.bytes), ADD, ...set(LOG)],
  ];
}

/** `lanes(job, steps)`: takes the four states of a job through `steps` blocks each, and logs suspected blocks. */
export function lanesBody(): number[] {
  const step = [
    ...loadWords((lane) => ({ address: get(BLOCK + lane), offset: 0 }), WORD),
    ...rounds(),
    ...[...constant(EVERY_VECTOR), ...set(MASK)],
    ...applyConditions(MASK, WORD, (i) => constant(EVERY_VECTOR + 1 + i)),
    ...[...get(MASK), ...ANY, 0x04, 0x40, ...logRow(), 0x0b],
    ...eachWord((i) => [...get(JOB_AT), ...state(i), ...get(A + i), ...SUM, ...store(JOB.state + i * 16)]),
    ...eachLane((lane) => [...get(BLOCK + lane), ...number(64), ADD, ...set(BLOCK + lane)]),
    ...[...get(STEPS), ...number(1), SUB, ...tee(STEPS), 0x0d, 0],
  ];
  const code = [
    ...eachLane((lane) => [...get(JOB_AT), ...loadWord(JOB.blocks + lane * 4), ...set(BLOCK + lane)]),
    ...[...get(JOB_AT), ...loadWord(JOB.logEnd), ...set(LOG)],
    ...[0x03, 0x40, ...step, 0x0b],
    ...eachLane((lane) => [...get(JOB_AT), ...get(BLOCK + lane), ...storeWord(JOB.blocks + lane * 4)]),
    ...[...get(JOB_AT), ...get(LOG), ...storeWord(JOB.logEnd)],
  ];
  return [2, ...leb(LANES + 1), I32, ...leb(1 + 5 + WORDS), V128, ...code, 0x0b];
}
