/** Tells whether content was made to collide with other content under SHA-1. */
import { PAIR_SCRATCH_BYTES } from './pair-code.js';
import { BLOCK_BYTES, INITIAL_STATE } from './sha1.js';
import { createMemory, isPair, loadFilters, loadLanes, putTables, TABLE_BYTES } from './wasm.js';
import { LANES } from './words-code.js';

const PAGE_BYTES = 64 * 1024;
/** Blocks looked at together. */
const CHUNK_BLOCKS = 1024;
const CHUNK_BYTES = CHUNK_BLOCKS * BLOCK_BYTES;

/** Tables, content, masks, state as `hash` takes it, state as isPair takes it, scratch memory. */
const CONTENT_AT = Math.ceil(TABLE_BYTES / BLOCK_BYTES) * BLOCK_BYTES;
const MASKS_AT = CONTENT_AT + CHUNK_BYTES;
const STATE_AT = MASKS_AT + CHUNK_BLOCKS * 4;
const SPREAD_AT = STATE_AT + 32;
const SCRATCH_AT = SPREAD_AT + 5 * LANES * 4;
const MEMORY_BYTES = SCRATCH_AT + PAIR_SCRATCH_BYTES;

const memory = createMemory(Math.ceil(MEMORY_BYTES / PAGE_BYTES));
const bytes = new Uint8Array(memory.buffer, CONTENT_AT, CHUNK_BYTES);
const view = new DataView(memory.buffer, CONTENT_AT, CHUNK_BYTES);
const masks = new Int32Array(memory.buffer, MASKS_AT, CHUNK_BLOCKS);
const stateWords = new Int32Array(memory.buffer, STATE_AT, 5);
const spreadWords = new Int32Array(memory.buffer, SPREAD_AT, 5 * LANES);

let loaded: ReturnType<typeof load> | undefined;

function load() {
  putTables(memory);
  return { filters: loadFilters(memory), lanes: loadLanes(memory) };
}

/** Takes content piece by piece. Several may be in use at a time in one thread. */
export class CollisionDetector {
  readonly #state = Int32Array.from(INITIAL_STATE);
  readonly #kept = Buffer.allocUnsafe(CHUNK_BYTES);
  #filled = 0;
  #total = 0;
  #found = false;

  update(data: Uint8Array): this {
    this.#total += data.length;
    for (let at = 0; at < data.length && !this.#found; ) {
      if (this.#filled === CHUNK_BYTES) this.#flush();
      const size = Math.min(CHUNK_BYTES - this.#filled, data.length - at);
      this.#kept.set(data.subarray(at, at + size), this.#filled);
      this.#filled += size;
      at += size;
    }
    return this;
  }

  /** Ends the content. @returns whether a collision attack was found in it */
  finish(): boolean {
    if (!this.#found) {
      bytes.set(this.#kept.subarray(0, this.#filled));
      this.#found = examineEnd(this.#state, this.#filled, this.#total);
    }
    return this.#found;
  }

  #flush(): void {
    bytes.set(this.#kept);
    this.#found = examine(this.#state, CHUNK_BLOCKS, true);
    this.#filled = 0;
  }
}

const one = new Int32Array(5);

/** The same for content in memory, which is `header` and `data` in a row. */
export function isCollision(header: string, data: Uint8Array): boolean {
  const size = header.length + data.length;
  one.set(INITIAL_STATE);
  for (let i = 0; i < header.length; i++) bytes[i] = header.charCodeAt(i);
  let filled = header.length;
  for (let at = 0; ; ) {
    const part = Math.min(CHUNK_BYTES - filled, data.length - at);
    bytes.set(at === 0 && part === data.length ? data : data.subarray(at, at + part), filled);
    at += part;
    if (at === data.length && filled + part < CHUNK_BYTES) return examineEnd(one, filled + part, size);
    if (examine(one, CHUNK_BLOCKS, true)) return true;
    filled = 0;
  }
}

/** Examines the last `size` bytes of content of `total` bytes, which lie in the memory, with SHA-1's padding. */
function examineEnd(state: Int32Array, size: number, total: number): boolean {
  const blocks = Math.ceil((size + 9) / BLOCK_BYTES);
  const end = blocks * BLOCK_BYTES;
  if (end > CHUNK_BYTES) {
    const rest = size % BLOCK_BYTES;
    const whole = (size - rest) / BLOCK_BYTES;
    if (examine(state, whole, true)) return true;
    bytes.copyWithin(0, size - rest, size);
    return examineEnd(state, rest, total);
  }
  bytes.fill(0, size, Math.min(CHUNK_BYTES, end + BLOCK_BYTES * LANES));
  bytes[size] = 0x80;
  view.setUint32(end - 8, Math.floor(total / 2 ** 29));
  view.setUint32(end - 4, (total * 8) % 2 ** 32);
  return examine(state, blocks, false);
}

/** @param more whether other blocks follow, so that the state behind the last one is needed */
function examine(state: Int32Array, blocks: number, more: boolean): boolean {
  loaded ??= load();
  const { filters, lanes } = loaded;
  filters.filter(CONTENT_AT, MASKS_AT, Math.ceil(blocks / LANES));
  stateWords.set(state);
  let hashed = 0;
  const hashTo = (block: number) => {
    if (block > hashed) filters.hash(CONTENT_AT + hashed * BLOCK_BYTES, STATE_AT, block - hashed);
    hashed = block;
  };
  for (let block = 0; block < blocks; block++) {
    const suspected = masks[block]!;
    if (suspected === 0) continue;
    hashTo(block);
    for (let i = 0; i < 5; i++) spreadWords[i * LANES] = stateWords[i]!;
    if (isPair(lanes, CONTENT_AT + block * BLOCK_BYTES, SPREAD_AT, suspected, SCRATCH_AT)) return true;
  }
  if (more) hashTo(blocks);
  state.set(stateWords);
  return false;
}
