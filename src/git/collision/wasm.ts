/** Loads the module that filter.ts assembles. */
import { filterModule } from './filter.js';

export interface WasmMemory {
  buffer: ArrayBuffer;
}

/** What is used of the WebAssembly namespace, which Node's types leave to those of browsers. */
interface WasmNamespace {
  Memory: new (size: { initial: number }) => WasmMemory;
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: Filters };
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}

export interface Filters {
  /** See filter.ts. */
  filter(from: number, out: number, rounds: number): void;
  /** See hash-code.ts. */
  hash(from: number, state: number, blocks: number): void;
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmNamespace };

/** @param pages of 64 KiB */
export function createMemory(pages: number): WasmMemory {
  return new WebAssembly.Memory({ initial: pages });
}

/** The functions over a memory, or undefined on processors without 128-bit vectors. */
export function loadFilters(memory: WasmMemory): Filters | undefined {
  const module = filterModule();
  if (!WebAssembly.validate(module)) return undefined;
  return new WebAssembly.Instance(new WebAssembly.Module(module), { host: { memory } }).exports;
}
