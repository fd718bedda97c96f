/** Writes the entries of a combined pack and remembers what its index and sidecar need. */
import { createReadStream, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflate, deflateSync } from 'node:zlib';
import { OBJECT_TYPES } from '../../git/objects/type.js';
import { OFS_DELTA, writeBaseDistance, writeTypeAndSize } from '../../git/pack/entry.js';
import type { OidSet } from '../../git/pack/oid-set.js';
import type { PackReader, StoredEntry } from '../../git/pack/reader.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';
import { extractToFile } from '../../git/pack/reader-large.js';
import type { PackWriter } from '../../git/pack/write.js';

/** Deltas in a row when chains of several packs are joined; what git writes by default. Reading costs a step for each. */
const MAX_JOINED_DEPTH = 50;
/** Objects larger than this never lie in memory whole, bytes. */
const MAX_MEMORY_BYTES = 32 * 1024 * 1024;
const BLOCK = 1024 * 1024;

export class CombineWriter {
  /** By the number of the object in `wanted`. */
  readonly offsets: Float64Array;
  readonly crcs: Uint32Array;
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  readonly #depths: Uint16Array;
  readonly #writer: PackWriter;
  readonly #sources: PackSet;
  readonly #wanted: OidSet;
  readonly #temporaryPath: string;
  #crc = 0;

  /** @param temporaryPath for an object that does not fit in memory */
  constructor(writer: PackWriter, sources: PackSet, wanted: OidSet, temporaryPath: string) {
    const { count } = wanted;
    this.offsets = new Float64Array(count);
    this.crcs = new Uint32Array(count);
    this.types = new Uint8Array(count);
    this.sizes = new Float64Array(count);
    this.#depths = new Uint16Array(count);
    this.#writer = writer;
    this.#sources = sources;
    this.#wanted = wanted;
    this.#temporaryPath = temporaryPath;
  }

  /** Writes an object and before it its bases, unless it is not wanted or written already. @throws AppError OBJECT_CORRUPTED */
  async add(place: Place): Promise<void> {
    if (!this.#isOpen(this.#number(place))) return;
    const pending = [place];
    for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
      const at = top;
      const base = this.#sources.guard(at, () => this.#openBase(at));
      if (base === undefined) {
        if (!this.#sources.guard(at, () => this.#copy(at))) await this.#writeWhole(at);
        pending.pop();
      } else {
        pending.push(base);
        if (pending.length > this.#pack(at).table.count) {
          throw this.#sources.corrupted(at, new RangeError('the delta chain is a circle'));
        }
      }
    }
  }

  #pack(place: Place): PackReader {
    return this.#sources.packs[place.pack]!;
  }

  /** Number of the object in the output, or -1. */
  #number({ pack, position }: Place): number {
    const { idx } = this.#sources.packs[pack]!.table;
    return this.#wanted.find(idx.bytes, idx.oidOffset(position));
  }

  #isOpen(number: number): boolean {
    return number >= 0 && this.offsets[number] === 0;
  }

  /** The base of the entry, when it is wanted and not written yet. */
  #openBase({ pack, position }: Place): Place | undefined {
    const { base } = this.#sources.packs[pack]!.entry(position);
    if (base < 0) return undefined;
    const place = { pack, position: base };
    return this.#isOpen(this.#number(place)) ? place : undefined;
  }

  /** @returns false when the base does not come along, or the chain would become too long */
  #copy(place: Place): boolean {
    const pack = this.#pack(place);
    const entry = pack.entry(place.position);
    if (entry.base < 0) {
      this.#begin(place, 0);
      this.#copyBytes(pack, entry, entry.offset);
      this.#end(place);
      return true;
    }
    const base = this.#number({ pack: place.pack, position: entry.base });
    if (base < 0) return false;
    const depth = this.#depths[base]! + 1;
    if (depth > MAX_JOINED_DEPTH && depth >= this.#sources.chain(place).length) return false;
    this.#begin(place, depth);
    this.#write(writeTypeAndSize(OFS_DELTA, entry.size));
    // Where the entry began is not where the writer is now.
    this.#write(writeBaseDistance(this.offsets[this.#number(place)]! - this.offsets[base]!));
    this.#copyBytes(pack, entry, entry.dataAt);
    this.#end(place);
    return true;
  }

  /** Copies from `from` to the entry's end, and checks the whole entry against the index. */
  #copyBytes(pack: PackReader, entry: StoredEntry, from: number): void {
    let crc = from === entry.offset ? 0 : crc32(pack.view(entry.offset, from - entry.offset));
    for (let at = from; at < entry.end; at += BLOCK) {
      const bytes = pack.view(at, Math.min(BLOCK, entry.end - at));
      crc = crc32(bytes, crc);
      this.#write(bytes);
    }
    if (crc !== pack.table.crc(entry.position))
      throw new RangeError('the entry differs from its checksum in the index');
  }

  async #writeWhole(place: Place): Promise<void> {
    const type = OBJECT_TYPES[this.#sources.type(place)];
    this.#begin(place, 0);
    if (this.#sources.fits(place, MAX_MEMORY_BYTES)) {
      const { data } = this.#sources.read(place);
      this.#write(writeTypeAndSize(type, data.length));
      this.#write(deflateSync(data));
    } else {
      const path = this.#temporaryPath;
      try {
        await extractToFile(this.#sources, place, path);
        this.#write(writeTypeAndSize(type, statSync(path).size));
        const content = createReadStream(path, { highWaterMark: BLOCK });
        await pipeline(content, createDeflate({ chunkSize: BLOCK }), async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) this.#write(chunk);
        });
      } finally {
        rmSync(path, { force: true });
      }
    }
    this.#end(place);
  }

  #begin(place: Place, depth: number): void {
    const number = this.#number(place);
    this.offsets[number] = this.#writer.offset;
    this.#depths[number] = depth;
    this.#crc = 0;
  }

  #write(bytes: Uint8Array | readonly number[]): void {
    const view = bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes);
    this.#crc = crc32(view, this.#crc);
    this.#writer.write(view);
  }

  #end(place: Place): void {
    const number = this.#number(place);
    this.crcs[number] = this.#crc;
    this.types[number] = OBJECT_TYPES[this.#sources.type(place)];
    this.sizes[number] = this.#sources.size(place);
  }
}
