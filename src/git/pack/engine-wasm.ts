/** Loads the compiled part of the engine, which `npm run build` makes from `assembly/`. */
import { readFileSync } from 'node:fs';
import type { WasmMemory } from '../collision/index.js';

export interface EngineWasm {
  /** See assembly/tree.ts. */
  checkTree(
    tree: number,
    size: number,
    before: number,
    beforeCount: number,
    table: number,
    newRows: number,
    folderRows: number,
  ): number;
  /** See assembly/inflate.ts. */
  inflate(from: number, fromEnd: number, to: number, size: number): number;
  /** See assembly/prefix.ts. */
  sharedBlocks(a: number, b: number, limit: number): number;
  entries(): number;
  news(): number;
  folders(): number;
  leaf(): number;
}

interface WasmNamespace {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: { env: { memory: WasmMemory } }) => { exports: EngineWasm };
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmNamespace };
let compiled: object | undefined;

/** The functions over a memory. */
export function loadEngine(memory: WasmMemory): EngineWasm {
  compiled ??= new WebAssembly.Module(readFileSync(location()));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports;
}

/** From sources the build's file is used: it is nowhere else. */
function location(): URL {
  const fromSource = import.meta.url.endsWith('.ts');
  return new URL(fromSource ? '../../../dist/git/pack/engine.wasm' : './engine.wasm', import.meta.url);
}
