/** Writes a pack (gitformat-pack) to a file: header, entries, SHA-1 trailer, gathered into big writes. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { OFS_DELTA, REF_DELTA, writeBaseDistance, writeTypeAndSize } from './entry.js';

const BUFFER_BYTES = 1024 * 1024;

export class PackWriter {
  readonly #fd: number;
  readonly #hash = createHash('sha1');
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #flushed = 0;
  #isOpen = true;

  /** @param objects exact number of entries that will follow */
  constructor(path: string, objects: number) {
    this.#fd = openSync(path, 'w');
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

  /** Writes the trailer and returns the size of the pack, bytes. */
  finish(): number {
    this.#flush();
    this.#put(this.#hash.copy().digest());
    this.close();
    return this.#flushed;
  }

  /** Closes the file as it is; harmless after {@link finish}. */
  close(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }

  #flush(): void {
    this.#put(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #put(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    let done = 0;
    while (done < bytes.length) done += writeSync(this.#fd, bytes, done, bytes.length - done);
    this.#flushed += bytes.length;
  }
}
