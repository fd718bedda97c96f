/** Synchronous reads of a pack file through one buffer. */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { WINDOW_BYTES, type Workshop } from './workshop.js';

const JUMP_BYTES = 16 * 1024;
const PIECE_BYTES = 256 * 1024;

/** Reads exactly `length` bytes into `buffer`. @throws when the file is shorter */
export function readFully(fd: number, buffer: Uint8Array, length: number, position: number): void {
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, buffer, filled, length - filled, position + filled);
    if (count === 0) throw new Error('the file is shorter than expected');
    filled += count;
  }
}

/** A view of a file that moves forward; cheap for reading from front to back, bounded for everything else. */
export class PackWindow {
  readonly fd: number;
  readonly end: number;
  readonly workshop: Workshop;
  readonly #buffer: Buffer;
  #start = 0;
  /** How much to read beyond what is needed: all there is room for on the way through, little when jumping about. */
  #ahead = WINDOW_BYTES;
  /** What the window holds; valid until the next call. */
  bytes: Buffer;

  /** @param end bytes from here on are never shown */
  constructor(fd: number, end: number, workshop: Workshop) {
    this.fd = fd;
    this.end = end;
    this.workshop = workshop;
    this.#buffer = workshop.window;
    this.bytes = this.#buffer.subarray(0, 0);
  }

  /** Position in {@link bytes} of file offset `offset`; at least `need` bytes follow it unless `end` comes first. */
  seek(offset: number, need: number): number {
    const wanted = Math.min(need, WINDOW_BYTES, this.end - offset);
    const position = offset - this.#start;
    if (position >= 0 && position + wanted <= this.bytes.length) return position;
    const length = Math.min(Math.max(wanted, this.#ahead), this.end - offset);
    readFully(this.fd, this.#buffer, length, offset);
    this.#start = offset;
    this.bytes = this.#buffer.subarray(0, length);
    return 0;
  }

  /** Announces that reads will jump about from now on. */
  expectJumps(): void {
    this.#ahead = JUMP_BYTES;
  }

  /** A reader of consecutive pieces from `offset` to `end`, each with memory of its own, the last one empty. */
  pieces(offset: number, end = this.end): () => Buffer {
    return () => {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - offset));
      readFully(this.fd, piece, piece.length, offset);
      offset += piece.length;
      return piece;
    };
  }

  /** CRC-32 of a part of the file, as the index keeps it for every entry. */
  crc(offset: number, length: number): number {
    if (length <= WINDOW_BYTES) {
      const at = this.seek(offset, length);
      return crc32(this.bytes.subarray(at, at + length));
    }
    const next = this.pieces(offset, offset + length);
    let value = 0;
    for (let piece = next(); piece.length > 0; piece = next()) value = crc32(piece, value);
    return value;
  }
}

/** SHA-1 of the first `end` bytes of a file, and SHA-256 of the first `total`. */
export function hashFile(fd: number, end: number, total: number): { sha1: Buffer; sha256: string } {
  const sha1 = createHash('sha1');
  const sha256 = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES * 4, Math.max(total, 1)));
  for (let at = 0; at < total; ) {
    const piece = buffer.subarray(0, Math.min(buffer.length, total - at));
    readFully(fd, piece, piece.length, at);
    sha256.update(piece);
    if (at < end) sha1.update(piece.subarray(0, Math.min(piece.length, end - at)));
    at += piece.length;
  }
  return { sha1: sha1.digest(), sha256: sha256.digest('hex') };
}
