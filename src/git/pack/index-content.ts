/** The content of an object that is a delta base: in memory, or in a scratch file when it is large. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { type ObjectType, typeFromNumber } from '../objects/type.js';
import { BufferPool } from './buffer-pool.js';
import { readFully } from './index-window.js';
import { objectHeader } from './loose.js';

const BUFFER_BYTES = 256 * 1024;

export interface Content {
  readonly size: number;
  /** The whole content when it is in memory. */
  readonly bytes: Buffer | undefined;
  /** Bytes `at` to `at + size`; valid until the next call. `size` is at most {@link READ_BYTES}. */
  read(at: number, size: number): Uint8Array;
  release(): void;
}

/** Longest single {@link Content.read}. */
export const READ_BYTES = BUFFER_BYTES;

/** Content in memory; released, it goes back to the pool that the buffer is of, if any. */
class MemoryContent implements Content {
  readonly size: number;

  constructor(
    readonly bytes: Buffer,
    readonly buffers: BufferPool | undefined,
  ) {
    this.size = bytes.length;
  }

  read(at: number, size: number): Uint8Array {
    return this.bytes.subarray(at, at + size);
  }

  release(): void {
    this.buffers?.give(this.bytes as Buffer<ArrayBuffer>);
  }
}

export function memoryContent(bytes: Buffer): Content {
  return new MemoryContent(bytes, undefined);
}

/** Content in a buffer of the pool, which gets it back. */
export function pooledContent(bytes: Buffer, buffers: BufferPool): Content {
  return new MemoryContent(bytes, buffers);
}

/** Opens files beside the pack that vanish with their descriptor, so that a crash leaves none behind. */
export class Scratch {
  /** For the results of deltas. */
  readonly buffers = new BufferPool();
  readonly #prefix: string;
  readonly #open = new Set<number>();
  #next = 0;

  /** @param prefix path that no other file begins with */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  open(): number {
    const path = `${this.#prefix}.scratch-${this.#next++}`;
    const fd = openSync(path, 'wx+', 0o600);
    this.#open.add(fd);
    unlinkSync(path);
    return fd;
  }

  close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  closeAll(): void {
    for (const fd of [...this.#open]) this.close(fd);
  }
}

/** Takes the pieces of a large content into a scratch file and hashes them as an object on the way. */
export class ContentFile {
  readonly #scratch: Scratch;
  readonly #fd: number;
  readonly #hash: Hash;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 0;
  size = 0;

  /** @param type the object's type number, and its announced size: both are hashed before the content */
  constructor(scratch: Scratch, type: number, size: number) {
    this.#scratch = scratch;
    this.#fd = scratch.open();
    this.#hash = createHash('sha1').update(objectHeader(typeFromNumber(type) as ObjectType, size), 'latin1');
  }

  write(piece: Uint8Array): void {
    if (this.#filled + piece.length > BUFFER_BYTES) this.#flush();
    if (piece.length > BUFFER_BYTES) {
      this.#put(piece);
      return;
    }
    this.#buffer.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  /** Ends writing. @returns the object's id and its content */
  finish(): { oid: Buffer; content: Content } {
    this.#flush();
    return { oid: this.#hash.digest(), content: fileContent(this.#scratch, this.#fd, this.size) };
  }

  #flush(): void {
    this.#put(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #put(piece: Uint8Array): void {
    this.#hash.update(piece);
    for (let at = 0; at < piece.length; ) {
      const count = writeSync(this.#fd, piece, at, piece.length - at, this.size);
      at += count;
      this.size += count;
    }
  }
}

function fileContent(scratch: Scratch, fd: number, size: number): Content {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let start = 0;
  let filled = 0;
  return {
    size,
    bytes: undefined,
    read(at, length) {
      if (at < start || at + length > start + filled) {
        start = at;
        filled = Math.min(buffer.length, size - at);
        readFully(fd, buffer, filled, at);
      }
      return buffer.subarray(at - start, at - start + length);
    },
    release: () => scratch.close(fd),
  };
}
