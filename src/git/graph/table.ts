/**
 * The arrays behind a commit graph: one row per commit, found by a hash table of ids. Rows are only ever appended, so
 * that graphs of different age can share one table, each looking at the first rows only.
 */
import { asBuffer } from '../bytes.js';
import { OID_BYTES } from '../oid.js';

/** A parent that no segment has. */
export const MISSING = -1;

/** Half-full hash table: short probe runs at 8 bytes per commit. */
const SLOTS_PER_ROW = 2;

function grown(old: Uint8Array, size: number): Uint8Array {
  const next = new Uint8Array(size);
  next.set(old);
  return next;
}

function grownInts(old: Int32Array, size: number): Int32Array {
  const next = new Int32Array(size);
  next.set(old);
  return next;
}

export class CommitTable {
  rows = 0;
  /** 20 bytes per row each. */
  oids: Uint8Array;
  trees: Uint8Array;
  /** Committer time, seconds. */
  times: Float64Array;
  /** 1 for a root, else one more than the largest of the parents; missing parents count as 0. */
  generations: Int32Array;
  /** Row `i` has the parents `parents[parentStart[i]]` up to `parents[parentStart[i + 1]]`, rows or MISSING. */
  parentStart: Int32Array;
  parents: Int32Array;
  /** Ids of the parents with the value MISSING, by position in `parents`. */
  missing: Map<number, string> = new Map();
  #slots: Int32Array;

  constructor(rows: number, parents: number) {
    const capacity = Math.max(rows, 16);
    this.oids = new Uint8Array(capacity * OID_BYTES);
    this.trees = new Uint8Array(capacity * OID_BYTES);
    this.times = new Float64Array(capacity);
    this.generations = new Int32Array(capacity);
    this.parentStart = new Int32Array(capacity + 1);
    this.parents = new Int32Array(Math.max(parents, 16));
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * SLOTS_PER_ROW)));
  }

  /** A table of its own with the first `rows` rows of this one and room for more. */
  copy(rows: number, moreRows: number, moreParents: number): CommitTable {
    const parents = this.parentStart[rows]!;
    const copy = new CommitTable(rows + moreRows, parents + moreParents);
    copy.oids.set(this.oids.subarray(0, rows * OID_BYTES));
    copy.trees.set(this.trees.subarray(0, rows * OID_BYTES));
    copy.times.set(this.times.subarray(0, rows));
    copy.generations.set(this.generations.subarray(0, rows));
    copy.parentStart.set(this.parentStart.subarray(0, rows + 1));
    copy.parents.set(this.parents.subarray(0, parents));
    for (const [at, oid] of this.missing) if (at < parents) copy.missing.set(at, oid);
    copy.rows = rows;
    copy.#rehash();
    return copy;
  }

  /** Makes room for at least that many more rows and parents; doubles, so that appending stays cheap. */
  reserve(rows: number, parents: number): void {
    const needed = this.rows + rows;
    if (needed > this.times.length) {
      const capacity = Math.max(needed, this.times.length * 2);
      this.oids = grown(this.oids, capacity * OID_BYTES);
      this.trees = grown(this.trees, capacity * OID_BYTES);
      const times = new Float64Array(capacity);
      times.set(this.times);
      this.times = times;
      this.generations = grownInts(this.generations, capacity);
      this.parentStart = grownInts(this.parentStart, capacity + 1);
      this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * SLOTS_PER_ROW)));
      this.#rehash();
    }
    const neededParents = this.parentStart[this.rows]! + parents;
    if (neededParents > this.parents.length) {
      this.parents = grownInts(this.parents, Math.max(neededParents, this.parents.length * 2));
    }
  }

  /** Row of the id at `bytes[at]`, or -1. */
  find(bytes: Uint8Array, at: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash(bytes, at) & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0 || this.#equals(row, bytes, at)) return row;
    }
  }

  /** Appends a commit that is not there yet; parents follow with {@link addParent}, then {@link finish}. */
  begin(bytes: Uint8Array, oidAt: number, treeAt: number, time: number): void {
    this.oids.set(bytes.subarray(oidAt, oidAt + OID_BYTES), this.rows * OID_BYTES);
    this.trees.set(bytes.subarray(treeAt, treeAt + OID_BYTES), this.rows * OID_BYTES);
    this.times[this.rows] = time;
    this.generations[this.rows] = 1;
    this.parentStart[this.rows + 1] = this.parentStart[this.rows]!;
  }

  addParent(bytes: Uint8Array, at: number): void {
    const position = this.parentStart[this.rows + 1]!++;
    const row = this.find(bytes, at);
    this.parents[position] = row;
    if (row === MISSING) this.missing.set(position, asBuffer(bytes).toString('hex', at, at + OID_BYTES));
    else this.generations[this.rows] = Math.max(this.generations[this.rows]!, this.generations[row]! + 1);
  }

  finish(): void {
    this.#insert(this.rows);
    this.rows++;
  }

  #insert(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash(this.oids, row * OID_BYTES) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  #rehash(): void {
    for (let row = 0; row < this.rows; row++) this.#insert(row);
  }

  #equals(row: number, bytes: Uint8Array, at: number): boolean {
    const start = row * OID_BYTES;
    for (let i = 0; i < OID_BYTES; i++) if (this.oids[start + i] !== bytes[at + i]) return false;
    return true;
  }
}

/** Ids are hashes already; two words of them, so that ids with a chosen beginning alone do not collide. */
function hash(bytes: Uint8Array, at: number): number {
  const word = (from: number) =>
    bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24);
  const mixed = Math.imul(word(at) ^ Math.imul(word(at + 8), 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
