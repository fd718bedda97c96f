/** Which objects a built pack holds, and where each was written. */
import { AppError } from '../../errors.js';
import type { ObjectType } from '../../git/objects/type.js';
import { OID_BYTES, type Oid, oidAt } from '../../git/oid.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';

/** In {@link Selection}: to be written, place not known yet. Real offsets begin at 12. */
export const SELECTED = -1;
const ABSENT = 0;
const PACK_HEADER = 12;
/** So many numbers in a map take about as long as clearing the array of a large pack. */
const FEW = 500;

export class Selection {
  /** Entries of the pack to build. */
  count = 0;
  /** Per pack and index position: SELECTED or the offset in the built pack. */
  readonly #offsets: (Offsets | undefined)[] = [];
  /** For packs copied whole: what to add to an offset in the stored pack. */
  readonly #shifts: number[] = [];

  /** @param copied how many packs, from the first, are copied whole */
  constructor(
    readonly set: PackSet,
    readonly copied: number,
  ) {
    for (let pack = 0; pack < copied; pack++) this.count += set.packs[pack]!.table.count;
  }

  /** Where the object lies. @throws AppError OBJECT_CORRUPTED when no pack has it or it is of another type */
  locate(oid: Uint8Array, at: number, type?: ObjectType): Place {
    const place = this.set.find(oid, at);
    if (place === undefined) throw missing(oidAt(oid, at));
    if (type !== undefined && this.set.type(place) !== type) {
      throw new AppError('OBJECT_CORRUPTED', { message: `The stored object ${oidAt(oid, at)} is not a ${type}.` });
    }
    return place;
  }

  /** Adds an object, once. */
  select(place: Place): void {
    if (place.pack < this.copied) return;
    const offsets = this.#pack(place.pack);
    if (offsets.get(place.position) !== ABSENT) return;
    offsets.set(place.position, SELECTED);
    this.count += 1;
  }

  /** Adds each id of a list of 20 bytes each. */
  selectAll(oids: Uint8Array, type?: ObjectType): void {
    for (let at = 0; at < oids.length; at += OID_BYTES) this.select(this.locate(oids, at, type));
  }

  /** Adds every object of a pack that passes, from whichever pack lookups find it in. */
  selectPack(pack: number, passes: (type: ObjectType, size: number) => boolean): void {
    const { idx, count } = this.set.packs[pack]!.table;
    for (let position = 0; position < count; position++) {
      const own = { pack, position };
      if (!passes(this.set.type(own), this.set.size(own))) continue;
      this.select(pack === 0 ? own : this.locate(idx.bytes, idx.oidOffset(position)));
    }
  }

  /** Index positions of what was selected of a pack, in the order of its file. */
  inFileOrder(pack: number): Uint32Array {
    const { table } = this.set.packs[pack]!;
    const ranks = Uint32Array.from(this.#offsets[pack]?.positions ?? [], (position) => table.rank(position));
    return ranks.sort().map((rank) => table.positionOfRank(rank));
  }

  /** 0 = not in the built pack, {@link SELECTED} = not written yet, else the offset there. */
  offset(place: Place): number {
    if (place.pack < this.copied)
      return this.set.packs[place.pack]!.table.offset(place.position) + this.#shifts[place.pack]!;
    return this.#offsets[place.pack]?.get(place.position) ?? ABSENT;
  }

  written(place: Place, offset: number): void {
    this.#pack(place.pack).set(place.position, offset);
  }

  /** Records that the entries of a pack copied whole begin at `offset`. */
  copiedTo(pack: number, offset: number): void {
    this.#shifts[pack] = offset - PACK_HEADER;
  }

  #pack(pack: number): Offsets {
    this.#offsets[pack] ??= new Offsets(this.set.packs[pack]!.table.count);
    return this.#offsets[pack];
  }
}

/** Numbers by index position: few of them in a map, more in an array as long as the pack. */
class Offsets {
  /** In the order they came. */
  readonly positions: number[] = [];
  readonly #count: number;
  readonly #few = new Map<number, number>();
  #many: Float64Array | undefined;

  /** @param count entries of the pack */
  constructor(count: number) {
    this.#count = count;
  }

  get(position: number): number {
    return this.#many?.[position] ?? this.#few.get(position) ?? ABSENT;
  }

  set(position: number, value: number): void {
    if (this.get(position) === ABSENT) this.positions.push(position);
    if (this.#many !== undefined) this.#many[position] = value;
    else this.#few.set(position, value);
    if (this.#few.size < FEW) return;
    this.#many = new Float64Array(this.#count);
    for (const [at, known] of this.#few) this.#many[at] = known;
    this.#few.clear();
  }
}

function missing(oid: Oid): AppError {
  return new AppError('OBJECT_CORRUPTED', { message: `The object ${oid} is missing in storage.` });
}
