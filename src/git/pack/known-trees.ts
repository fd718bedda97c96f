/**
 * Trees of a pack, each compared with the one before it (assembly/tree.ts): what they share is checked and looked up
 * once.
 */
import type { WasmMemory } from '../collision/index.js';
import { OID_BYTES } from '../oid.js';
import type { EngineWasm } from './engine-wasm.js';

/** Shortest entry: a mode of one digit, a space, a name of one byte, NUL, id. */
const MIN_ENTRY_BYTES = 24;
const ROW_WORDS = 4;
const [END, NUMBER, KIND] = [1, 2, 3] as const;
const NAME_BITS = 0xffff;
const IS_FOLDER = 1 << 16;
const IS_GITLINK = 1 << 17;

/** The number of what a tree shares with one that the repository has already. */
export const STORED = -1;

export const TREE_VERDICTS = { good: 0, odd: 1, malformed: 2 } as const;

/** Bytes of memory for trees of up to `maxTreeBytes`: two tables and two lists. */
export function treeTableBytes(maxTreeBytes: number): number {
  return maxRows(maxTreeBytes) * (2 * ROW_WORDS + 2) * 4;
}

const maxRows = (maxTreeBytes: number) => Math.ceil(maxTreeBytes / MIN_ENTRY_BYTES) + 1;

export class KnownTrees {
  readonly #wasm: EngineWasm;
  readonly #words: Int32Array;
  readonly #newRows: number;
  readonly #folderRows: number;
  #table: number;
  #before: number;
  #beforeCount = 0;
  /** The whole memory, in which {@link oidAt} finds ids. */
  readonly bytes: Uint8Array;

  /**
   * @param engine over the same memory
   * @param at where the tables are, a multiple of 16
   * @param maxTreeBytes as given to {@link treeTableBytes}
   */
  constructor(memory: WasmMemory, engine: EngineWasm, at: number, maxTreeBytes: number) {
    const rows = maxRows(maxTreeBytes);
    this.#wasm = engine;
    this.bytes = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.#table = at;
    this.#before = at + rows * ROW_WORDS * 4;
    this.#newRows = at + 2 * rows * ROW_WORDS * 4;
    this.#folderRows = this.#newRows + rows * 4;
  }

  /** Makes the table of the tree at `address` of the memory. @returns one of TREE_VERDICTS */
  check(address: number, size: number): number {
    const lists = [this.#newRows, this.#folderRows] as const;
    return this.#wasm.checkTree(address, size, this.#before, this.#beforeCount, this.#table, ...lists);
  }

  /** Entries of the tree checked last. */
  get entries(): number {
    return this.#wasm.entries();
  }

  /** Length of the longest name that is no folder's, bytes. */
  get longestLeaf(): number {
    return this.#wasm.leaf();
  }

  /**
   * Visits the entries that the tree before did not have, submodules excepted.
   * @param visit gets the position of the id in {@link bytes}; returns its number
   */
  numberNew(visit: (oidAt: number, isFolder: boolean) => number): void {
    const words = this.#words;
    const count = this.#wasm.news();
    for (let i = 0; i < count; i++) {
      const row = this.#table / 4 + words[this.#newRows / 4 + i]! * ROW_WORDS;
      const kind = words[row + KIND]!;
      if ((kind & IS_GITLINK) !== 0) continue;
      words[row + NUMBER] = visit(words[row + END]! - OID_BYTES, (kind & IS_FOLDER) !== 0);
    }
  }

  /** Visits every folder in the tree with the number of its id. */
  forEachFolder(visit: (number: number, nameBytes: number) => void): void {
    const words = this.#words;
    const count = this.#wasm.folders();
    for (let i = 0; i < count; i++) {
      const row = this.#table / 4 + words[this.#folderRows / 4 + i]! * ROW_WORDS;
      visit(words[row + NUMBER]!, words[row + KIND]! & NAME_BITS);
    }
  }

  /** The next tree is compared with the one checked last, which must be good and stay where it is. */
  keep(): void {
    this.#beforeCount = this.#wasm.entries();
    [this.#table, this.#before] = [this.#before, this.#table];
  }

  /** As {@link keep}, for a tree whose entries need no numbers: they are {@link STORED}. */
  keepStored(): void {
    const words = this.#words;
    const count = this.#wasm.news();
    for (let i = 0; i < count; i++) {
      words[this.#table / 4 + words[this.#newRows / 4 + i]! * ROW_WORDS + NUMBER] = STORED;
    }
    this.keep();
  }

  /** The next tree is compared with none. */
  forget(): void {
    this.#beforeCount = 0;
  }
}
