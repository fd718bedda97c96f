/**
 * Objects of ordinary size on their way into the tables: they are gathered, hashed four at a time and then checked in
 * the order they came. Versions of a folder follow each other and mostly have one size, so hashing goes on where two of
 * them part.
 */
import { hash } from 'node:crypto';
import { MAX_PADDING, NO_MESSAGE } from '../collision/index.js';
import { OBJECT_TYPES, typeFromNumber } from '../objects/type.js';
import { OID_BYTES } from '../oid.js';
import { collision } from './index-collision.js';
import type { PackState } from './index-pack.js';
import { objectHeader } from './loose.js';
import { BATCH_BYTES, type Workshop } from './workshop.js';

const BATCH_OBJECTS = 2048;
/** Rows for what completes a thin pack, of which most bring a few objects: tables for many would be collected as garbage. */
const SPARE_ROWS = 64;
const MAX_HEADER_BYTES = 32;
/** Messages begin at multiples of this (SHA-1). */
const BLOCK_BYTES = 64;

export class ObjectBatch {
  readonly #state: PackState;
  readonly #workshop: Workshop;
  readonly #capacity: number;
  readonly #entries: Int32Array;
  readonly #addresses: Int32Array;
  readonly #headers: Uint8Array;
  readonly #sizes: Int32Array;
  readonly #blocks: Int32Array;
  readonly #starts: { sources: Int32Array; blocks: Int32Array };
  readonly #digests: Buffer;
  #count = 0;
  /** Where the batch begins, and where its next object goes. */
  #start: number;
  #end: number;
  /** Number of the last tree in this batch. */
  #lastTree = NO_MESSAGE;
  /** The batch in which the last tree lies. */
  #treeStart = 0;

  constructor(state: PackState, workshop: Workshop) {
    this.#state = state;
    this.#workshop = workshop;
    const rows = Math.min(BATCH_OBJECTS, state.entries.capacity + SPARE_ROWS);
    this.#capacity = rows;
    this.#entries = new Int32Array(rows);
    this.#addresses = new Int32Array(rows);
    this.#headers = new Uint8Array(rows);
    this.#sizes = new Int32Array(rows);
    this.#blocks = new Int32Array(rows);
    this.#starts = { sources: new Int32Array(rows), blocks: new Int32Array(rows) };
    this.#digests = Buffer.alloc(rows * OID_BYTES);
    this.#start = workshop.batches[0];
    this.#end = this.#start;
    workshop.trees.forget();
  }

  /**
   * Takes the content of an entry whose type is known; at most MAX_BATCHED_BYTES.
   * @throws AppError INVALID_OBJECT or INVALID_PACKFILE, for this entry or for one before it
   */
  add(entry: number, data: Uint8Array): void {
    if (this.#count === this.#capacity || this.#space < data.length) this.flush();
    const { bytes, hasher } = this.#workshop;
    const header = objectHeader(typeFromNumber(this.#state.entries.types[entry]!)!, data.length);
    const i = this.#count++;
    const at = this.#end;
    const contentAt = at + bytes.write(header, at, 'latin1');
    bytes.set(data, contentAt);
    this.#entries[i] = entry;
    this.#addresses[i] = at;
    this.#headers[i] = contentAt - at;
    this.#sizes[i] = data.length;
    this.#blocks[i] = hasher.pad(at, contentAt - at + data.length);
    this.#end = at + this.#blocks[i]! * 64;
    this.#compare(i, entry);
  }

  /** Shows a tree that the repository has already, of at most MAX_BATCHED_BYTES: the next one is compared with it. */
  passStored(data: Uint8Array): void {
    if (this.#count > 0 || this.#space < data.length) this.flush();
    const { bytes, trees } = this.#workshop;
    bytes.set(data, this.#end);
    this.#state.facts.passStored(trees, this.#end, data.length);
    this.#treeStart = this.#start;
    this.#end += Math.ceil(data.length / BLOCK_BYTES) * BLOCK_BYTES;
  }

  /** Ids, tables and facts of everything added so far. @throws AppError as {@link add} */
  flush(): void {
    const { entries } = this.#state;
    this.#hash();
    for (let i = 0; i < this.#count; i++) {
      const at = this.#entries[i]! * OID_BYTES;
      this.#digests.copy(entries.oids, at, i * OID_BYTES, (i + 1) * OID_BYTES);
    }
    for (let i = 0; i < this.#count; i++) this.#learn(i);
    this.#count = 0;
    this.#lastTree = NO_MESSAGE;
    const [first, second] = this.#workshop.batches;
    this.#start = this.#start === first ? second : first;
    this.#end = this.#start;
    if (this.#treeStart === this.#start) this.#workshop.trees.forget();
  }

  get #space(): number {
    return this.#start + BATCH_BYTES - this.#end - MAX_HEADER_BYTES - MAX_PADDING;
  }

  /** Finds what a tree shares with the one before it; the last block of each is its own, for its digest. */
  #compare(i: number, entry: number): void {
    const { sources, blocks } = this.#starts;
    sources[i] = NO_MESSAGE;
    if (this.#state.entries.types[entry] !== OBJECT_TYPES.tree) return;
    const last = this.#lastTree;
    this.#lastTree = i;
    if (last === NO_MESSAGE || this.#blocks[last] !== this.#blocks[i]) return;
    const limit = this.#blocks[i]! - 1;
    blocks[i] = this.#workshop.sharedBlocks(this.#addresses[last]!, this.#addresses[i]!, limit);
    if (blocks[i] !== 0) sources[i] = last;
  }

  #hash(): void {
    const { bytes, hasher } = this.#workshop;
    if (this.#state.collisionCheck) {
      const [found] = hasher.hash(this.#count, this.#addresses, this.#blocks, this.#digests, this.#starts);
      if (found === undefined) return;
      const entry = this.#entries[found]!;
      this.#digests.copy(this.#state.entries.oids, entry * OID_BYTES, found * OID_BYTES, (found + 1) * OID_BYTES);
      throw collision(this.#state, entry);
    }
    for (let i = 0; i < this.#count; i++) {
      const at = this.#addresses[i]!;
      const whole = bytes.subarray(at, at + this.#headers[i]! + this.#sizes[i]!);
      this.#digests.write(hash('sha1', whole, 'latin1' as 'hex'), i * OID_BYTES, 'latin1');
    }
  }

  #learn(i: number): void {
    const { entries, facts } = this.#state;
    const { bytes, trees } = this.#workshop;
    const entry = this.#entries[i]!;
    const address = this.#addresses[i]! + this.#headers[i]!;
    const size = this.#sizes[i]!;
    const type = entries.types[entry]!;
    const content = () => bytes.subarray(address, address + size);
    this.#state.identify(entry);
    if (type === OBJECT_TYPES.tree) {
      facts.learnTree(trees, address, size, entries.oids, entry * OID_BYTES, content);
      this.#treeStart = this.#start;
    } else if (type !== OBJECT_TYPES.blob || facts.needsBlobs) {
      facts.learn(typeFromNumber(type)!, entries.oids, entry * OID_BYTES, content());
    }
  }
}
