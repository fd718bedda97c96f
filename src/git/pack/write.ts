/** Writes a pack (gitformat-pack): header, entries, SHA-1 trailer, gathered into big writes to a file. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { OFS_DELTA, REF_DELTA, writeBaseDistance, writeTypeAndSize } from './entry.js';

const BUFFER_BYTES = 1024 * 1024;
const TRAILER_BYTES = 20;

/** One buffer waits for the next pack: a new megabyte for every small fetch costs more than the fetch. */
let spare: Buffer | undefined;

function takeBuffer(): Buffer {
  const buffer = spare ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  spare = undefined;
  return buffer;
}

export class PackWriter {
  readonly #path: string;
  #fd: number | undefined;
  readonly #hash = createHash('sha1');
  readonly #buffer = takeBuffer();
  #filled = 0;
  #flushed = 0;
  #isOpen = true;

  /** @param objects exact number of entries that will follow */
  constructor(path: string, objects: number) {
    this.#path = path;
    const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
    header.writeUInt32BE(objects, 8);
    this.write(header);
  }

  /** Bytes so far, i.e. where the next entry begins. */
  get offset(): number {
    return this.#flushed + this.#filled;
  }

  write(bytes: Uint8Array | readonly number[]): void {
    if (this.#filled + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length <= BUFFER_BYTES) {
      this.#buffer.set(bytes, this.#filled);
      this.#filled += bytes.length;
    } else if (bytes instanceof Uint8Array) this.#put(bytes);
  }

  /** Header of a whole object. */
  wholeHeader(type: number, size: number): void {
    this.write(writeTypeAndSize(type, size));
  }

  /** Header of a delta whose base begins at `baseOffset` of this pack. */
  ofsHeader(size: number, baseOffset: number): void {
    const distance = this.offset - baseOffset;
    this.write(writeTypeAndSize(OFS_DELTA, size));
    this.write(writeBaseDistance(distance));
  }

  /** Header of a delta that names its base. */
  refHeader(size: number, baseOid: Uint8Array): void {
    this.write(writeTypeAndSize(REF_DELTA, size));
    this.write(baseOid);
  }

  /**
   * Writes the trailer.
   * @param inMemoryUpTo a pack of at most so many bytes is handed back instead, if no file was begun
   * @returns the size of the pack in bytes, and the pack when there is no file
   */
  finish(inMemoryUpTo = 0): { bytes: number; data?: Buffer } {
    if (this.#fd === undefined && this.#filled + TRAILER_BYTES <= Math.min(inMemoryUpTo, BUFFER_BYTES)) {
      const content = this.#buffer.subarray(0, this.#filled);
      const data = Buffer.concat([content, this.#hash.update(content).digest()]);
      this.close();
      return { bytes: data.length, data };
    }
    this.#flush();
    this.#put(this.#hash.copy().digest());
    this.close();
    return { bytes: this.#flushed };
  }

  /** Ends the work and closes the file as it is; harmless after {@link finish}. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    spare = this.#buffer;
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #flush(): void {
    this.#put(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#fd ??= openSync(this.#path, 'w');
    const fd = this.#fd;
    this.#hash.update(bytes);
    let done = 0;
    while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done);
    this.#flushed += bytes.length;
  }
}
