/**
 * Writes selected objects as pack entries. Compressed bytes are copied as they are stored, except for a delta whose base
 * the client will not have and an object of which a delta on something at the client can be made (build-delta.ts).
 *
 * Why no circle of deltas can arise: lookups and writing use one order of packs, so the copy of a base that is sent
 * lies in the delta's own pack or in one written before. A reference to something not yet written is therefore always
 * one that a stored pack has inside itself, and those are free of circles. New deltas rest on what is written already, as
 * far as that is not resting on something yet to be written, or on objects outside.
 *
 * What rests on objects outside is completed in the order of the pack, with any object that the client happens to have
 * serving as base (git: index-pack.c, fix_unresolved_deltas). So an object that was named before it is written must not
 * rest on one outside: a client that has it already would complete what rests on it twice, and refuse the pack.
 */
import { createReadStream, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflate, deflateSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { asBuffer } from '../../git/bytes.js';
import { OBJECT_TYPES } from '../../git/objects/type.js';
import type { PackReader, StoredEntry } from '../../git/pack/reader.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';
import { extractToFile } from '../../git/pack/reader-large.js';
import type { PackWriter } from '../../git/pack/write.js';
import type { NewDeltas } from './build-delta.js';
import { SELECTED, type Selection } from './build-select.js';

/** Objects larger than this never lie in memory whole, bytes. */
const MAX_MEMORY_BYTES = 32 * 1024 * 1024;
const BLOCK = 1024 * 1024;
/** Clones are sent once; a better level costs more than the bytes it saves. */
const LEVEL = 1;
/** Compressed objects kept per worker, and the largest of them, bytes: what many clients fetch is made once. */
const KEPT_BYTES = 16 * 1024 * 1024;
const KEPT_ENTRY_BYTES = 256 * 1024;

/** By pack, which its hash identifies, and index position. */
const kept = new LRUCache<string, { size: number; deflated: Buffer }>({
  maxSize: KEPT_BYTES,
  maxEntrySize: KEPT_ENTRY_BYTES,
  sizeCalculation: ({ deflated }) => deflated.length + 200,
});

export interface EntryOptions {
  ofsDelta: boolean;
  /** Whether an object outside the pack may serve as delta base. */
  mayReferTo: (oid: Uint8Array) => boolean;
  /** Where deltas may be made. */
  newDeltas?: NewDeltas;
  /** For what does not fit in memory. */
  temporaryPath: string;
}

export class EntryWriter {
  reusedDeltas = 0;
  newDeltas = 0;
  /** Objects that deltas before them in the pack name, as latin1. */
  readonly #named = new Set<string>();
  /** By stored pack and index position: 1 for those that rest on objects outside. */
  readonly #leaning: (Uint8Array | undefined)[] = [];
  readonly #writer: PackWriter;
  readonly #selection: Selection;
  readonly #set: PackSet;
  readonly #options: EntryOptions;

  constructor(writer: PackWriter, selection: Selection, options: EntryOptions) {
    this.#writer = writer;
    this.#selection = selection;
    this.#set = selection.set;
    this.#options = options;
  }

  /** Copies all entries of a pack as one region: distances between them stay what they are. */
  copyPack(index: number): void {
    const pack = this.#set.packs[index]!;
    this.#selection.copiedTo(index, this.#writer.offset);
    const { table } = pack;
    const first = 12;
    const end = table.count === 0 ? first : table.end(table.positionOfRank(table.count - 1));
    for (let at = first; at < end; at += BLOCK) this.#writer.write(pack.view(at, Math.min(BLOCK, end - at)));
  }

  /** Writes the selected objects of a pack in the order they have there. @throws AppError OBJECT_CORRUPTED */
  async writePack(index: number): Promise<void> {
    const order = this.#selection.inFileOrder(index);
    this.#options.newDeltas?.enter(index, order);
    for (const position of order) {
      const place = { pack: index, position };
      const begin = this.#writer.offset;
      if (!this.#set.guard(place, () => this.#copyEntry(place) || this.#writeDelta(place, this.#set.size(place)))) {
        await this.#writeWhole(place);
        this.#options.newDeltas?.written(place);
      }
      this.#selection.written(place, begin);
    }
  }

  /** @returns false when the stored form is of no use to the client */
  #copyEntry(place: Place): boolean {
    const pack = this.#set.packs[place.pack]!;
    const entry = pack.entry(place.position);
    if (entry.base < 0) {
      if (this.#writeDelta(place, entry.end - entry.dataAt)) return true;
      this.#copyBytes(pack, entry, entry.offset);
      this.#options.newDeltas?.written(place);
      return true;
    }
    const baseOid = pack.table.idx.oidBytes(entry.base);
    const base = this.#sent({ pack: place.pack, position: entry.base }, baseOid);
    if (base === undefined && !this.#options.mayReferTo(baseOid)) return false;
    if (!this.#mayRest(place, base)) return false;
    this.#deltaHeader(place, entry.size, baseOid, base);
    this.#copyBytes(pack, entry, entry.dataAt);
    this.reusedDeltas += 1;
    return true;
  }

  /** @returns false when there is no delta that takes less than the whole object, whose compressed size is given */
  #writeDelta(place: Place, wholeBytes: number): boolean {
    const { newDeltas } = this.#options;
    if (newDeltas === undefined || this.#isNamed(place)) return false;
    const made = newDeltas.make(place, wholeBytes);
    if (made === undefined) return false;
    this.#deltaHeader(place, made.size, made.base, made.place);
    this.#writer.write(made.deflated);
    this.newDeltas += 1;
    return true;
  }

  /** @param base where the base is, unless it is outside of the pack */
  #deltaHeader(place: Place, size: number, baseOid: Uint8Array, base: Place | undefined): void {
    const baseOffset = base === undefined ? 0 : this.#selection.offset(base);
    if (baseOffset > 0 && this.#options.ofsDelta) this.#writer.ofsHeader(size, baseOffset);
    else this.#writer.refHeader(size, baseOid);
    if (baseOffset === SELECTED) this.#named.add(asBuffer(baseOid).toString('latin1'));
    if (base === undefined || this.#isLeaning(base)) this.#leans(place);
    this.#options.newDeltas?.written(place, base ?? 'outside');
  }

  /** Whether the object may be a delta on that base: one that was named must not rest on objects outside. */
  #mayRest(place: Place, base: Place | undefined): boolean {
    return (base !== undefined && !this.#isLeaning(base)) || !this.#isNamed(place);
  }

  #isNamed({ pack, position }: Place): boolean {
    if (this.#named.size === 0) return false;
    return this.#named.has(asBuffer(this.#set.packs[pack]!.table.idx.oidBytes(position)).toString('latin1'));
  }

  #isLeaning({ pack, position }: Place): boolean {
    return this.#leaning[pack]?.[position] === 1;
  }

  #leans({ pack, position }: Place): void {
    this.#leaning[pack] ??= new Uint8Array(this.#set.packs[pack]!.table.count);
    this.#leaning[pack][position] = 1;
  }

  /** Where the base is, or will be, in the built pack. Its copy may come from another stored pack. */
  #sent(own: Place, oid: Uint8Array): Place | undefined {
    if (this.#selection.offset(own) !== 0) return own;
    const place = this.#set.find(oid);
    return place !== undefined && this.#selection.offset(place) !== 0 ? place : undefined;
  }

  /** Copies from `from` to the entry's end, and checks the whole entry against the index. */
  #copyBytes(pack: PackReader, entry: StoredEntry, from: number): void {
    let crc = from === entry.offset ? 0 : crc32(pack.view(entry.offset, from - entry.offset));
    for (let at = from; at < entry.end; at += BLOCK) {
      const bytes = pack.view(at, Math.min(BLOCK, entry.end - at));
      crc = crc32(bytes, crc);
      this.#writer.write(bytes);
    }
    if (crc !== pack.table.crc(entry.position))
      throw new RangeError('the entry differs from its checksum in the index');
  }

  async #writeWhole(place: Place): Promise<void> {
    const type = OBJECT_TYPES[this.#set.type(place)];
    const key = `${this.#set.packs[place.pack]!.hash} ${place.position}`;
    let ready = kept.get(key);
    if (ready === undefined && this.#set.fits(place, MAX_MEMORY_BYTES)) {
      const { data } = this.#set.read(place);
      ready = { size: data.length, deflated: deflateSync(data, { level: LEVEL }) };
      kept.set(key, ready);
    }
    if (ready !== undefined) {
      this.#writer.wholeHeader(type, ready.size);
      this.#writer.write(ready.deflated);
      return;
    }
    const path = this.#options.temporaryPath;
    try {
      await extractToFile(this.#set, place, path);
      this.#writer.wholeHeader(type, statSync(path).size);
      const deflate = createDeflate({ level: LEVEL, chunkSize: BLOCK });
      await pipeline(
        createReadStream(path, { highWaterMark: BLOCK }),
        deflate,
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) this.#writer.write(chunk);
        },
      );
    } finally {
      rmSync(path, { force: true });
    }
  }
}
