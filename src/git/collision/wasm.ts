/** Loads the module that filter.ts assembles. */
import { filterModule } from './filter.js';
import { LANE_CONSTANTS } from './lanes-code.js';
import { VECTORS } from './vectors.js';
import { LANES } from './words-code.js';

export interface WasmMemory {
  buffer: ArrayBuffer;
}

/** What is used of the WebAssembly namespace, which Node's types leave to those of browsers. */
interface WasmNamespace {
  Memory: new (size: { initial: number }) => WasmMemory;
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: Filters };
}

export interface Filters {
  /** See filter.ts. */
  filter(from: number, out: number, rounds: number): void;
  /** See hash-code.ts. */
  hash(from: number, state: number, blocks: number): void;
  /** See lanes-code.ts. */
  lanes(job: number, steps: number): void;
  /** See pair-code.ts. */
  pair58(block: number, state: number, difference: number, scratch: number): number;
  pair65(block: number, state: number, difference: number, scratch: number): number;
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmNamespace };
let compiled: object | undefined;

/** @param pages of 64 KiB */
export function createMemory(pages: number): WasmMemory {
  return new WebAssembly.Memory({ initial: pages });
}

/** The functions over a memory. */
export function loadFilters(memory: WasmMemory): Filters {
  compiled ??= new WebAssembly.Module(filterModule());
  return new WebAssembly.Instance(compiled, { host: { memory } }).exports;
}

/** What {@link putTables} writes at the start of a memory, bytes. */
const LANE_BYTES = LANE_CONSTANTS.length * LANES * 4;
const DIFFERENCE_BYTES = 80 * 4;
export const TABLE_BYTES = LANE_BYTES + VECTORS.length * DIFFERENCE_BYTES;

/** Writes what `lanes` and {@link isPair} read. */
export function putTables(memory: WasmMemory): void {
  const words = new Int32Array(memory.buffer);
  LANE_CONSTANTS.forEach((value, i) => {
    words.fill(value, i * LANES, (i + 1) * LANES);
  });
  VECTORS.forEach(({ difference }, i) => {
    words.set(difference, (LANE_BYTES + i * DIFFERENCE_BYTES) / 4);
  });
}

/**
 * Computes for each suspected vector the other message of the pair: when it arrives at the same state, both are part of
 * an attack.
 * @param block address of the block, as are `state` (before it) and `scratch` (PAIR_SCRATCH_BYTES)
 * @param suspected vectors, one bit each
 */
export function isPair(filters: Filters, block: number, state: number, suspected: number, scratch: number): boolean {
  for (let rest = suspected; rest !== 0; rest &= rest - 1) {
    const index = 31 - Math.clz32(rest & -rest);
    const check = VECTORS[index]!.equalAt === 58 ? filters.pair58 : filters.pair65;
    if (check(block, state, LANE_BYTES + index * DIFFERENCE_BYTES, scratch) !== 0) return true;
  }
  return false;
}
