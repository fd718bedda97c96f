/** Loads the modules, and fills the tables that they read. */
import { filterBody } from './filter.js';
import { hashBody } from './hash-code.js';
import { LANE_CONSTANTS, lanesBody } from './lanes-code.js';
import { assemble, type ModuleFunction } from './module.js';
import { pairBody } from './pair-code.js';
import { VECTORS } from './vectors.js';
import { LANES } from './words-code.js';

export interface WasmMemory {
  buffer: ArrayBuffer;
}

export interface Filters {
  /** See filter.ts. */
  filter(from: number, out: number, rounds: number): void;
  /** See hash-code.ts. */
  hash(from: number, state: number, blocks: number): void;
}

export interface Lanes {
  /** See lanes-code.ts. */
  lanes(job: number, steps: number): void;
  /** See pair-code.ts. */
  pair(block: number, state: number, difference: number, scratch: number, isLate: number): number;
}

/** What is used of the WebAssembly namespace, which Node's types leave to those of browsers. */
interface WasmNamespace {
  Memory: new (size: { initial: number }) => WasmMemory;
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown };
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmNamespace };
const compiled = new Map<string, object>();

function load(name: string, memory: WasmMemory, functions: readonly ModuleFunction[]): unknown {
  const module = compiled.get(name) ?? new WebAssembly.Module(assemble(functions));
  compiled.set(name, module);
  return new WebAssembly.Instance(module, { host: { memory } }).exports;
}

/** @param pages of 64 KiB */
export function createMemory(pages: number): WasmMemory {
  return new WebAssembly.Memory({ initial: pages });
}

/** Functions over a memory for one long message. */
export function loadFilters(memory: WasmMemory): Filters {
  return load('filters', memory, [
    { name: 'filter', takes: 3, gives: 0, body: filterBody },
    { name: 'hash', takes: 3, gives: 0, body: hashBody },
  ]) as Filters;
}

/** Functions over a memory for many messages, and the exact check of blocks. */
export function loadLanes(memory: WasmMemory): Lanes {
  return load('lanes', memory, [
    { name: 'lanes', takes: 2, gives: 0, body: lanesBody },
    { name: 'pair', takes: 5, gives: 1, body: pairBody },
  ]) as Lanes;
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
export function isPair({ pair }: Lanes, block: number, state: number, suspected: number, scratch: number): boolean {
  for (let rest = suspected; rest !== 0; rest &= rest - 1) {
    const index = 31 - Math.clz32(rest & -rest);
    const isLate = VECTORS[index]!.equalAt === 65 ? 1 : 0;
    if (pair(block, state, LANE_BYTES + index * DIFFERENCE_BYTES, scratch, isLate) !== 0) return true;
  }
  return false;
}
