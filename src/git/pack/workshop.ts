/** The WebAssembly memory of one thread's indexing, and what works in it. */
import { createMemory, LANE_HASHER_BYTES, LaneHasher } from '../collision/index.js';
import { type EngineWasm, loadEngine } from './engine-wasm.js';
import { KnownTrees, treeTableBytes } from './known-trees.js';

/**
 * Larger objects go their own way: few packs have many of them, and one alone would leave the other lanes idle. A tree of
 * this size has some 12,000 entries.
 */
export const MAX_BATCHED_BYTES = 512 * 1024;

/** Gathered before they are hashed. Two batches take turns, so that a tree can be compared with one of the last batch. */
export const BATCH_BYTES = 2 * 1024 * 1024;

/** What is read of a pack at once. */
export const WINDOW_BYTES = 4 * 1024 * 1024;

/** Contents up to this size are inflated in one call straight from the window. */
export const ONE_CALL_BYTES = 1024 * 1024;

/** Trees are read, and inflated content is written, up to 16 bytes beyond the end. */
const SLACK = 16;

const align = (at: number) => Math.ceil(at / 16) * 16;
/** The compiled part has its tables here, which the build is told. */
const ENGINE_AT = 128 * 1024;
const ENGINE_BYTES = 64 * 1024;
const TREES_AT = ENGINE_AT + ENGINE_BYTES;
const BATCHES_AT = TREES_AT + align(treeTableBytes(MAX_BATCHED_BYTES));
const WINDOW_AT = BATCHES_AT + 2 * BATCH_BYTES + SLACK;
const INFLATED_AT = WINDOW_AT + WINDOW_BYTES + SLACK;
const PAGE_BYTES = 64 * 1024;
const PAGES = Math.ceil((INFLATED_AT + ONE_CALL_BYTES + SLACK) / PAGE_BYTES);

if (LANE_HASHER_BYTES > ENGINE_AT) throw new RangeError('the tables of the hasher reach into those of the engine');

export class Workshop {
  readonly #memory = createMemory(PAGES);
  readonly #engine: EngineWasm = loadEngine(this.#memory);
  readonly bytes = Buffer.from(this.#memory.buffer);
  readonly hasher = new LaneHasher(this.#memory);
  readonly trees = new KnownTrees(this.#memory, this.#engine, TREES_AT, MAX_BATCHED_BYTES);
  /** Where the two batches begin. */
  readonly batches = [BATCHES_AT, BATCHES_AT + BATCH_BYTES] as const;
  /** A buffer for parts of the pack. */
  readonly window = this.bytes.subarray(WINDOW_AT, WINDOW_AT + WINDOW_BYTES);

  /**
   * Inflates a stream that begins at `at` of the window, of which `end` bytes are filled.
   * @param size of the content, at most ONE_CALL_BYTES
   * @returns the length of the stream; negative when it is not whole, corrupt or of another size
   */
  inflate(at: number, end: number, size: number): number {
    return this.#engine.inflate(WINDOW_AT + at, WINDOW_AT + end, INFLATED_AT, size);
  }

  /** How many of the first `limit` blocks of SHA-1 are equal in the messages at two addresses. */
  sharedBlocks(one: number, other: number, limit: number): number {
    return this.#engine.sharedBlocks(one, other, limit);
  }

  /** What was inflated last; valid until the next call. */
  inflated(size: number): Buffer<ArrayBuffer> {
    return this.bytes.subarray(INFLATED_AT, INFLATED_AT + size);
  }
}

/** Those not in use. A thread works on one pack at a time, except in tests. */
const idle: Workshop[] = [];

export function borrowWorkshop(): Workshop {
  return idle.pop() ?? new Workshop();
}

export function returnWorkshop(workshop: Workshop): void {
  idle.push(workshop);
}
