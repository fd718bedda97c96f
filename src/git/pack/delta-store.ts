/** Delta data from the first pass over a pack, so that the second need not inflate it again. */
import { DELTA_CACHE_BYTES } from './limits.js';

/** Most delta data is a few dozen bytes: it lies in blocks, for a buffer of its own costs more than inflating it. */
const BLOCK_BYTES = 1024 * 1024;

export class DeltaStore {
  readonly #kept = new Map<number, Buffer>();
  #bytes = 0;
  #block = Buffer.alloc(0);

  /** Copies the delta data of an entry while there is room. */
  keep(entry: number, data: Buffer): void {
    this.#bytes += data.length;
    if (this.#bytes > DELTA_CACHE_BYTES) {
      this.#bytes -= data.length;
      return;
    }
    if (data.length > this.#block.length) this.#block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, data.length));
    const copy = this.#block.subarray(0, data.length);
    this.#block = this.#block.subarray(data.length);
    copy.set(data);
    this.#kept.set(entry, copy);
  }

  /** Gives the delta data of an entry away, if it was kept. */
  take(entry: number): Buffer | undefined {
    const data = this.#kept.get(entry);
    this.#kept.delete(entry);
    return data;
  }
}
