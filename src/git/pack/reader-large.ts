/** Objects too large for memory, written to a file: content through a streaming inflater, deltas applied file to file. */
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createInflate } from 'node:zlib';
import { DeltaError } from './delta.js';
import type { PackReader, StoredEntry } from './reader.js';
import type { PackSet, Place } from './reader-chain.js';

const BLOCK = 1024 * 1024;

/**
 * Writes the content of an object to `path`, in constant memory. Uses `path` with a suffix for what lies between; on
 * failure nothing remains.
 * @throws AppError OBJECT_CORRUPTED
 */
export async function extractToFile(set: PackSet, place: Place, path: string): Promise<void> {
  const pack = set.packs[place.pack]!;
  const chain = set.chain(place);
  const base = `${path}.base`;
  const delta = `${path}.delta`;
  const result = `${path}.result`;
  let files = [base, result] as const;
  try {
    await inflateToFile(pack, chain.pop()!, chain.length === 0 ? path : files[0]);
    for (let entry = chain.pop(); entry !== undefined; entry = chain.pop()) {
      await inflateToFile(pack, entry, delta);
      applyDeltaFile(files[0], delta, chain.length === 0 ? path : files[1]);
      files = [files[1], files[0]];
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw set.corrupted(place, error);
  } finally {
    for (const file of [base, delta, result]) rmSync(file, { force: true });
  }
}

/** The bytes of a part of a file. Not a ReadStream: that closes a file that it was only lent. */
function* blocks(fd: number, from: number, end: number): Generator<Buffer> {
  for (let at = from; at < end; ) {
    const block = Buffer.allocUnsafe(Math.min(BLOCK, end - at));
    const got = readSync(fd, block, 0, block.length, at);
    if (got === 0) throw new RangeError('the pack is truncated');
    yield block.subarray(0, got);
    at += got;
  }
}

/** Inflates an entry's zlib stream. @throws Error of zlib, RangeError for another size than announced */
async function inflateToFile(pack: PackReader, entry: StoredEntry, path: string): Promise<void> {
  const out = openSync(path, 'w');
  try {
    let bytes = 0;
    await pipeline(
      blocks(pack.fd, entry.dataAt, entry.end),
      createInflate({ chunkSize: BLOCK }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          if (bytes > entry.size) throw new RangeError('the entry inflates to another size');
          writeFully(out, chunk);
        }
      },
    );
    if (bytes !== entry.size) throw new RangeError('the entry inflates to another size');
  } finally {
    closeSync(out);
  }
}

/** {@link applyDelta} of delta.ts over files. @throws DeltaError */
function applyDeltaFile(basePath: string, deltaPath: string, resultPath: string): void {
  const base = openSync(basePath, 'r');
  const out = openSync(resultPath, 'w');
  const delta = new ByteFile(deltaPath);
  try {
    const baseSize = delta.size();
    const resultSize = delta.size();
    if (baseSize !== fstatSync(base).size) throw new DeltaError('delta was made for a base of another size');
    const block = Buffer.allocUnsafe(BLOCK);
    let made = 0;
    while (!delta.atEnd) {
      const op = delta.byte();
      if (op & 0x80) {
        let offset = 0;
        let size = 0;
        for (let i = 0; i < 4; i++) if (op & (1 << i)) offset += delta.byte() * 2 ** (8 * i);
        for (let i = 0; i < 3; i++) if (op & (0x10 << i)) size += delta.byte() * 2 ** (8 * i);
        if (size === 0) size = 0x10000;
        made += size;
        if (offset + size > baseSize) throw new DeltaError('delta copies from outside its base');
        for (let done = 0; done < size; ) {
          const got = readSync(base, block, 0, Math.min(BLOCK, size - done), offset + done);
          if (got === 0) throw new DeltaError('delta copies from outside its base');
          writeFully(out, block.subarray(0, got));
          done += got;
        }
      } else {
        if (op === 0) throw new DeltaError('delta uses the reserved instruction 0');
        for (let i = 0; i < op; i++) block[i] = delta.byte();
        writeFully(out, block.subarray(0, op));
        made += op;
      }
    }
    if (made !== resultSize) throw new DeltaError('delta makes another size than it announces');
  } finally {
    delta.close();
    closeSync(base);
    closeSync(out);
  }
}

/** Reads a file byte by byte through a block. */
class ByteFile {
  readonly #fd: number;
  readonly #block = Buffer.allocUnsafe(BLOCK);
  #at = 0;
  #filled = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
  }

  get atEnd(): boolean {
    if (this.#at === this.#filled) {
      this.#at = 0;
      this.#filled = readSync(this.#fd, this.#block, 0, BLOCK, null);
    }
    return this.#filled === 0;
  }

  byte(): number {
    if (this.atEnd) throw new DeltaError('delta is truncated');
    return this.#block[this.#at++]!;
  }

  /** A size as deltas write it: 7 bits a byte, lowest first. */
  size(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new DeltaError('delta size is too large');
      if ((byte & 0x80) === 0) return value;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}
