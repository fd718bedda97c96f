/** Reads objects out of a list of packs. Delta chains are followed in a loop, as their depth is the writer's choice. */
import { LRUCache } from 'lru-cache';
import { AppError } from '../../errors.js';
import { type GitObject, OBJECT_TYPES, type ObjectType } from '../objects/type.js';
import { applyDelta } from './delta.js';
import type { PackReader, StoredEntry } from './reader.js';

/** Delta bases kept, bytes; bases of one history lie close together, so this is small beside the packs. */
const BASE_CACHE_BYTES = 32 * 1024 * 1024;
/** A larger object would push out everything else. */
const BASE_CACHE_ENTRY_BYTES = 4 * 1024 * 1024;
/** Packs have fewer than 2^32 objects, so this keeps the keys of different packs apart. */
const PACK_KEY = 2 ** 32;

/** Where an object lies. */
export interface Place {
  /** Place of the pack in the list. */
  pack: number;
  /** Index position in it. */
  position: number;
}

export class PackSet {
  readonly #bases = new LRUCache<number, Uint8Array>({
    maxSize: BASE_CACHE_BYTES,
    maxEntrySize: BASE_CACHE_ENTRY_BYTES,
    sizeCalculation: (data) => data.length + 64,
  });

  /** @param packs in the order of lookup */
  constructor(readonly packs: readonly PackReader[]) {}

  /** The first pack that has the id at `at` in `oid`; undefined when none has. */
  find(oid: Uint8Array, at = 0): Place | undefined {
    for (let pack = 0; pack < this.packs.length; pack++) {
      const position = this.packs[pack]!.table.idx.find(oid, at);
      if (position >= 0) return { pack, position };
    }
    return undefined;
  }

  type(place: Place): ObjectType {
    return this.packs[place.pack]!.table.meta.type(place.position);
  }

  /** Content size as the sidecar has it; Infinity beyond its 32 bits. */
  size(place: Place): number {
    return this.packs[place.pack]!.table.meta.size(place.position) ?? Number.POSITIVE_INFINITY;
  }

  /** Entries from the object down to the whole object that its deltas start from. @throws AppError OBJECT_CORRUPTED */
  chain(place: Place): StoredEntry[] {
    return this.guard(place, () => {
      const { pack } = this.#pack(place);
      const entries = [pack.entry(place.position)];
      for (let entry = entries[0]!; entry.base >= 0; entries.push(entry)) {
        if (entries.length > pack.table.count) throw new RangeError('the delta chain is a circle');
        entry = pack.entry(entry.base);
      }
      return entries;
    });
  }

  /** True when the object, its bases and its deltas are each at most `limit` bytes. */
  fits(place: Place, limit: number): boolean {
    if (this.size(place) > limit) return false;
    const { meta } = this.#pack(place).pack.table;
    return this.chain(place).every(
      (entry) => entry.size <= limit && (meta.size(entry.position) ?? Number.POSITIVE_INFINITY) <= limit,
    );
  }

  /**
   * Reads an object into memory; ask {@link fits} first where it may be large. The id is not checked.
   * @throws AppError OBJECT_CORRUPTED
   */
  read(place: Place): GitObject {
    return this.guard(place, () => {
      const { pack, key } = this.#pack(place);
      const pending: StoredEntry[] = [];
      let data = this.#bases.get(key + place.position);
      for (let position = place.position; data === undefined; data = this.#bases.get(key + position)) {
        const entry = pack.entry(position);
        if (entry.base < 0) {
          if (entry.type !== OBJECT_TYPES[pack.table.meta.type(position)])
            throw new RangeError('type differs from the sidecar');
          data = pack.inflate(entry);
          this.#bases.set(key + position, data);
          break;
        }
        pending.push(entry);
        if (pending.length > pack.table.count) throw new RangeError('the delta chain is a circle');
        position = entry.base;
      }
      for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
        data = applyDelta(data, pack.inflate(entry));
        this.#bases.set(key + entry.position, data);
      }
      return { type: this.type(place), data };
    });
  }

  /** Runs `work` on an object and names the object in whatever goes wrong. */
  guard<T>(place: Place, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.corrupted(place, error);
    }
  }

  /** OBJECT_CORRUPTED for the object, unless `cause` says more: an AppError, or a failure of the disk. */
  corrupted(place: Place, cause: unknown): unknown {
    if (cause instanceof AppError || (cause instanceof Error && 'syscall' in cause)) return cause;
    const oid = this.#pack(place).pack.table.idx.oid(place.position);
    return new AppError('OBJECT_CORRUPTED', { message: `The stored object ${oid} cannot be read.`, cause });
  }

  #pack(place: Place): { pack: PackReader; key: number } {
    return { pack: this.packs[place.pack]!, key: place.pack * PACK_KEY };
  }
}
