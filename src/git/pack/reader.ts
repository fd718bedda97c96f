/** One stored pack: its table, and its entries' bytes through blocks of an open file. */
import { readSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { type EntryHeader, MAX_HEADER, OFS_DELTA, REF_DELTA, readEntryHeader } from './entry.js';
import type { PackTable } from './reader-table.js';

/** Unit of reading. Delta chains jump back and forth, so several of them are kept. */
const BLOCK_BYTES = 128 * 1024;
const CACHED_BYTES = 32 * 1024 * 1024;

/** Blocks of packs, by the name that their reader was given and offset. */
export type BlockCache = LRUCache<string, Buffer>;

export function createBlockCache(): BlockCache {
  return new LRUCache({ max: CACHED_BYTES / BLOCK_BYTES });
}

/** A header with its place in the file instead of in a buffer. */
export interface StoredEntry {
  position: number;
  /** Pack type number, deltas included. */
  type: number;
  /** Inflated size of content or delta data, bytes. */
  size: number;
  /** Index position of the delta base in this pack; -1 for whole objects. */
  base: number;
  /** Where the entry, its zlib stream and the next entry begin. */
  offset: number;
  dataAt: number;
  end: number;
}

export class PackReader {
  /** The block used last, to spare the cache a question for each small entry. */
  #block: Buffer = Buffer.alloc(0);
  #blockAt = 0;
  readonly #blocks: BlockCache;

  readonly #name: string;

  /**
   * @param fd an open file, closed by whoever opened it
   * @param name of the file's content in the cache
   */
  constructor(
    readonly hash: string,
    readonly fd: number,
    readonly table: PackTable,
    blocks: BlockCache = createBlockCache(),
    name: string = hash,
  ) {
    this.#blocks = blocks;
    this.#name = name;
  }

  /**
   * Bytes of the file; not to be changed.
   * @throws RangeError when the file ends before
   */
  view(offset: number, length: number): Buffer {
    const at = offset - this.#blockAt;
    if (at >= 0 && at + length <= this.#block.length) return this.#block.subarray(at, at + length);
    const start = offset - (offset % BLOCK_BYTES);
    // What crosses blocks is read by itself; so are large entries, which would push out everything else.
    if (offset + length > start + BLOCK_BYTES) return this.#read(offset, length);
    const key = `${this.#name} ${start}`;
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = this.#read(start, Math.min(BLOCK_BYTES, this.table.packBytes - start));
      this.#blocks.set(key, block);
    }
    this.#block = block;
    this.#blockAt = start;
    if (offset + length > start + block.length) throw new RangeError('the pack is truncated');
    return block.subarray(offset - start, offset - start + length);
  }

  /** @throws RangeError when the entry is not one that git knows */
  entry(position: number): StoredEntry {
    const { table } = this;
    const offset = table.offset(position);
    const end = table.end(position);
    const bytes = this.view(offset, Math.min(MAX_HEADER, end - offset));
    const header = readEntryHeader(bytes, 0);
    if (header === undefined || header.type === 0 || header.type === 5) throw new RangeError('not a pack entry');
    const base = this.#base(header, bytes, offset);
    return { position, type: header.type, size: header.size, base, offset, dataAt: offset + header.dataAt, end };
  }

  /** Inflates content or delta data, which must fit in memory. @throws Error of zlib, RangeError for another size */
  inflate(entry: StoredEntry): Buffer {
    const raw = this.view(entry.dataAt, entry.end - entry.dataAt);
    // One byte more than announced: zlib would otherwise allocate a second chunk just to see that nothing follows.
    const data = inflateSync(raw, { chunkSize: Math.max(64, entry.size + 1), maxOutputLength: entry.size + 1 });
    if (data.length !== entry.size) throw new RangeError('the entry inflates to another size');
    return data;
  }

  #base(header: EntryHeader, bytes: Uint8Array, offset: number): number {
    let base = -1;
    if (header.type === OFS_DELTA) base = this.table.positionAt(offset - header.baseDistance);
    else if (header.type === REF_DELTA) base = this.table.idx.find(bytes, header.baseOidAt);
    else return -1;
    // Stored packs are complete, so a base outside the pack is damage.
    if (base < 0) throw new RangeError('the base of a delta is not in its pack');
    return base;
  }

  #read(offset: number, length: number): Buffer {
    if (offset < 0 || length < 0) throw new RangeError('the pack is truncated');
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let filled = 0; filled < length; ) {
      const got = readSync(this.fd, buffer, filled, length - filled, offset + filled);
      if (got === 0) throw new RangeError('the pack is truncated');
      filled += got;
    }
    return buffer;
  }
}
