/** Hashes many messages that lie in one memory, and tells whether one of them carries a collision attack. */
import { LaneQueue, NO_MESSAGE, type SharedStarts } from './lane-queue.js';
import { JOB, LOG_ROW } from './lanes-code.js';
import { PAIR_SCRATCH_BYTES } from './pair-code.js';
import { BLOCK_BYTES, INITIAL_STATE } from './sha1.js';
import { isPair, type Lanes, loadLanes, putTables, TABLE_BYTES, type WasmMemory } from './wasm.js';
import { LANES } from './words-code.js';

/** Most blocks of every lane in one call: each may become a row of the log. */
const MAX_STEPS = 512;

const align = (at: number) => Math.ceil(at / BLOCK_BYTES) * BLOCK_BYTES;
const JOB_AT = align(TABLE_BYTES);
const SCRATCH_AT = align(JOB_AT + JOB.bytes);
const LOG_AT = align(SCRATCH_AT + PAIR_SCRATCH_BYTES);

/** What a {@link LaneHasher} needs at the start of its memory, bytes. */
export const LANE_HASHER_BYTES = align(LOG_AT + MAX_STEPS * LOG_ROW.bytes);

const STATE_WORDS = 5;

/** Most bytes behind a message that {@link LaneHasher.pad} writes. */
export const MAX_PADDING = BLOCK_BYTES + 8;

/** SHA-1 digest: five words, big-endian. */
const DIGEST_BYTES = 20;

export class LaneHasher {
  readonly #lanes: Lanes;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #messages = new Int32Array(LANES);
  /** Blocks done of each lane's message. */
  readonly #done = new Int32Array(LANES);

  /** @param memory its first LANE_HASHER_BYTES bytes are used */
  constructor(memory: WasmMemory) {
    putTables(memory);
    this.#lanes = loadLanes(memory);
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
  }

  /** Writes SHA-1's padding behind a message of `size` bytes at `at`. @returns its length in blocks */
  pad(at: number, size: number): number {
    const blocks = Math.ceil((size + 9) / BLOCK_BYTES);
    const end = at + blocks * BLOCK_BYTES;
    this.#bytes.fill(0, at + size, end);
    this.#bytes[at + size] = 0x80;
    this.#view.setUint32(end - 8, Math.floor(size / 2 ** 29));
    this.#view.setUint32(end - 4, (size * 8) % 2 ** 32);
    return blocks;
  }

  /**
   * Hashes padded messages.
   * @param addresses of the messages, and their lengths in blocks
   * @param digests gets 20 bytes for each
   * @param starts which messages begin with blocks of others; an attack in those is found in the other message only
   * @returns the numbers of the messages that carry a collision attack
   */
  hash(count: number, addresses: Int32Array, blocks: Int32Array, digests: Uint8Array, starts?: SharedStarts): number[] {
    const queue = new LaneQueue(count, blocks, starts);
    const found: number[] = [];
    this.#messages.fill(NO_MESSAGE);
    for (;;) {
      let steps = MAX_STEPS;
      let active = NO_MESSAGE;
      for (let lane = 0; lane < LANES; lane++) {
        if (this.#messages[lane] === NO_MESSAGE) this.#begin(lane, queue.take(), addresses, digests, starts);
        const message = this.#messages[lane]!;
        if (message === NO_MESSAGE) continue;
        active = lane;
        steps = Math.min(steps, Math.min(blocks[message]!, queue.nextStop(message)) - this.#done[lane]!);
      }
      if (active === NO_MESSAGE) return found;
      this.#run(active, steps);
      this.#examineLog(found);
      for (let lane = 0; lane < LANES; lane++) {
        const message = this.#messages[lane]!;
        if (message === NO_MESSAGE) continue;
        this.#done[lane]! += steps;
        // The state is kept where the digest of the waiting message will be.
        queue.release(message, this.#done[lane]!, (waiting) => this.#putState(lane, digests, waiting));
        if (this.#done[lane]! < blocks[message]!) continue;
        this.#putState(lane, digests, message);
        this.#messages[lane] = NO_MESSAGE;
      }
    }
  }

  #begin(lane: number, message: number, addresses: Int32Array, digests: Uint8Array, starts?: SharedStarts): void {
    this.#messages[lane] = message;
    if (message === NO_MESSAGE) return;
    const done = starts === undefined || starts.sources[message]! < 0 ? 0 : starts.blocks[message]!;
    this.#done[lane] = done;
    this.#words[(JOB_AT + JOB.blocks) / 4 + lane] = addresses[message]! + done * BLOCK_BYTES;
    for (let i = 0; i < STATE_WORDS; i++) {
      const at = message * DIGEST_BYTES + i * 4;
      const word = (digests[at]! << 24) | (digests[at + 1]! << 16) | (digests[at + 2]! << 8) | digests[at + 3]!;
      this.#words[stateAt(lane, i)] = done === 0 ? INITIAL_STATE[i]! : word;
    }
  }

  #run(active: number, steps: number): void {
    const words = this.#words;
    const first = (JOB_AT + JOB.blocks) / 4;
    // A lane without a message follows another one.
    for (let lane = 0; lane < LANES; lane++) {
      if (this.#messages[lane] === NO_MESSAGE) words[first + lane] = words[first + active]!;
    }
    words[(JOB_AT + JOB.logEnd) / 4] = LOG_AT;
    this.#lanes.lanes(JOB_AT, steps);
  }

  #examineLog(found: number[]): void {
    const words = this.#words;
    const end = words[(JOB_AT + JOB.logEnd) / 4]!;
    for (let row = LOG_AT; row < end; row += LOG_ROW.bytes) {
      for (let lane = 0; lane < LANES; lane++) {
        const suspected = words[(row + LOG_ROW.masks) / 4 + lane]!;
        const message = this.#messages[lane]!;
        if (suspected === 0 || message === NO_MESSAGE) continue;
        const block = words[(row + LOG_ROW.blocks) / 4 + lane]!;
        const state = row + LOG_ROW.state + lane * 4;
        if (isPair(this.#lanes, block, state, suspected, SCRATCH_AT)) found.push(message);
      }
    }
  }

  /** Writes the lane's state as a digest. */
  #putState(lane: number, digests: Uint8Array, message: number): void {
    const at = message * DIGEST_BYTES;
    for (let i = 0; i < STATE_WORDS; i++) {
      const word = this.#words[stateAt(lane, i)]!;
      digests[at + i * 4] = word >>> 24;
      digests[at + i * 4 + 1] = word >>> 16;
      digests[at + i * 4 + 2] = word >>> 8;
      digests[at + i * 4 + 3] = word;
    }
  }
}

const stateAt = (lane: number, i: number) => (JOB_AT + JOB.state) / 4 + i * LANES + lane;
