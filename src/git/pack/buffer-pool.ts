/** Buffers that are used again: the results of deltas come and go by the gigabyte, too fast for the garbage collector. */

/** Kept for later, bytes: some dozens of those that a chain of large trees needs. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Memory comes in powers of two; results that are larger are rare. */
const [SMALLEST, LARGEST] = [11, 20] as const;

export class BufferPool {
  readonly #free: ArrayBuffer[][] = Array.from({ length: LARGEST + 1 }, () => []);
  /** Handed out and not back yet; memory from elsewhere may have other users. */
  readonly #lent = new WeakSet<ArrayBuffer>();
  #kept = 0;

  /** A buffer of `size` bytes with any content. */
  take(size: number): Buffer<ArrayBuffer> {
    const power = size <= 2 ** SMALLEST ? SMALLEST : 32 - Math.clz32(size - 1);
    if (power > LARGEST) return Buffer.allocUnsafeSlow(size);
    let memory = this.#free[power]!.pop();
    if (memory === undefined) memory = Buffer.allocUnsafeSlow(2 ** power).buffer;
    else this.#kept -= memory.byteLength;
    this.#lent.add(memory);
    return Buffer.from(memory, 0, size);
  }

  /** Takes back a buffer that nobody uses any more; one that {@link take} did not give is left alone. */
  give({ buffer }: Buffer<ArrayBuffer>): void {
    if (!this.#lent.delete(buffer)) return;
    const power = 31 - Math.clz32(buffer.byteLength);
    if (this.#kept + buffer.byteLength > MAX_KEPT_BYTES) return;
    this.#kept += buffer.byteLength;
    this.#free[power]!.push(buffer);
  }
}
