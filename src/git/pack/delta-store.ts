/** Delta data from the first pass over a pack, so that the second need not inflate it again. */
import { DELTA_CACHE_BYTES } from './limits.js';

/**
 * Most delta data is a few dozen bytes: it lies in blocks, for a buffer of its own costs more than inflating it. The first
 * ones are small, as V8 counts a megabyte that hardly anything is in like any other, and collects garbage for it.
 */
const BLOCK_BYTES = { first: 16 * 1024, largest: 1024 * 1024 };

export class DeltaStore {
  #blocks: Buffer[] = [];
  /** By entry: the number of its block plus one, 0 = not kept, and where in the block it begins and ends. */
  readonly #places: Uint16Array;
  readonly #begins: Uint32Array;
  readonly #ends: Uint32Array;
  #bytes = 0;
  #filled = 0;

  /** @param entries of the pack; none above is kept */
  constructor(entries: number) {
    this.#places = new Uint16Array(entries);
    this.#begins = new Uint32Array(entries);
    this.#ends = new Uint32Array(entries);
  }

  /** Copies the delta data of an entry while there is room. */
  keep(entry: number, data: Buffer): void {
    if (this.#bytes + data.length > DELTA_CACHE_BYTES) return;
    this.#bytes += data.length;
    let block = this.#blocks.at(-1);
    if (block === undefined || this.#filled + data.length > block.length) {
      const size = Math.min(BLOCK_BYTES.first * 2 ** this.#blocks.length, BLOCK_BYTES.largest);
      block = Buffer.allocUnsafeSlow(Math.max(size, data.length));
      this.#blocks.push(block);
      this.#filled = 0;
    }
    block.set(data, this.#filled);
    this.#places[entry] = this.#blocks.length;
    this.#begins[entry] = this.#filled;
    this.#filled += data.length;
    this.#ends[entry] = this.#filled;
  }

  /** Gives the delta data of an entry away, if it was kept. */
  take(entry: number): Buffer | undefined {
    const place = this.#places[entry] ?? 0;
    if (place === 0) return undefined;
    this.#places[entry] = 0;
    return this.#blocks[place - 1]!.subarray(this.#begins[entry], this.#ends[entry]);
  }

  /** Forgets everything, so that the memory serves what follows. */
  clear(): void {
    this.#places.fill(0);
    this.#blocks = [];
  }
}
