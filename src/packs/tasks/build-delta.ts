/**
 * Deltas for objects that no stored pack has a usable delta of, as at the start of each chain: on another version of what
 * lies at the same path, in the pack itself or at the client (git: pack-objects, "--thin").
 */
import { deflateSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { asBuffer } from '../../git/bytes.js';
import { OID_BYTES } from '../../git/oid.js';
import { encodeDelta } from '../../git/pack/delta-encode.js';
import type { Place } from '../../git/pack/reader-chain.js';
import { Chains, type Resting, restingOn } from './build-chains.js';
import type { Selection } from './build-select.js';

/** Packs of more objects are written as they come. */
export const MOST_OBJECTS = 50_000;
/** Sizes of objects for which a delta may be worth it, bytes; what they are made from in storage counts too. */
const LEAST_BYTES = 64;
const MOST_BYTES = 1024 * 1024;
/** What is read for the deltas of one pack, bytes: the first of a long fetch are made, so that it is not held up. */
const READ_BYTES = 64 * 1024 * 1024;
/** Deltas one on the other; stored packs have up to 50, and some start from a new one. */
const MOST_DEPTH = 75;
/** Versions looked back for one that is not in the pack itself. */
const MOST_STEPS = 10_000;
/** Bytes that a delta on an object outside must save: the client reads that object, and writes it once more. */
const OUTSIDE_COST = 1024;
/** The same for each delta that rests on it, and per byte of the object: the client makes those on one thread, not on all. */
const RESTING_COST = 128;
const RESTING_COST_PER_BYTE = 1 / 64;
/** Answers kept per worker, bytes: what many clients fetch is made once. */
const KEPT_BYTES = 8 * 1024 * 1024;
const OVERHEAD_BYTES = 300;

/** Delta data that is ready to be written, its size before compression. */
interface ReadyDelta {
  size: number;
  deflated: Uint8Array;
}

/** A delta with its base: the id, and where it is unless it is outside of the pack. */
export interface NewDelta extends ReadyDelta {
  base: Uint8Array;
  place?: Place;
}

/** What stood in an object's place before, and what after, as far as the pack brings either. */
export interface Versions {
  /** An object that is not in the pack is at the client. */
  before(oid: Uint8Array): Uint8Array | undefined;
  after(oid: Uint8Array): Uint8Array | undefined;
}

/** By pack, which its hash identifies, index position and base. */
const kept = new LRUCache<string, ReadyDelta | 'none'>({
  maxSize: KEPT_BYTES,
  sizeCalculation: (answer) => OVERHEAD_BYTES + (answer === 'none' ? 0 : answer.deflated.length),
});

export class NewDeltas {
  readonly #selection: Selection;
  readonly #versions: Versions;
  readonly #chains = new Chains();
  /** By index position in the pack that is being written. */
  #resting = new Map<number, Resting>();
  #read = 0;

  constructor(selection: Selection, versions: Versions) {
    this.#selection = selection;
    this.#versions = versions;
  }

  /** Entries of a stored pack follow. @param order their index positions */
  enter(pack: number, order: Uint32Array): void {
    this.#resting = restingOn(this.#selection.set.packs[pack]!, order);
  }

  /** Notes an entry that was written; see {@link Chains.written}. */
  written(place: Place, base?: Place | 'outside'): void {
    this.#chains.written(place, base);
  }

  /**
   * A delta for an object that is written next.
   * @param wholeBytes what the object takes without one, compressed
   * @throws AppError OBJECT_CORRUPTED
   */
  make(place: Place, wholeBytes: number): NewDelta | undefined {
    const { set } = this.#selection;
    const oid = set.packs[place.pack]!.table.idx.oidBytes(place.position);
    const { count, height } = this.#resting.get(place.position) ?? { count: 0, height: 0 };
    for (const near of [this.#versions.after(oid), this.#versions.before(oid)]) {
      const written = near && set.find(near);
      const base = written && this.#chains.shallow(written, MOST_DEPTH - 1 - height);
      const made = base && this.#delta(place, base, wholeBytes);
      if (made !== undefined) return { ...made, place: base! };
    }
    const outside = this.#atClient(oid);
    const cost = OUTSIDE_COST + count * (RESTING_COST + RESTING_COST_PER_BYTE * set.size(place));
    return outside && this.#delta(place, outside, wholeBytes - cost);
  }

  /** The latest earlier version that is not sent. */
  #atClient(oid: Uint8Array): Place | undefined {
    const { set } = this.#selection;
    let earlier = this.#versions.before(oid);
    // What was undone comes round to itself.
    for (let step = 0; earlier !== undefined && step < MOST_STEPS; step++) {
      const place = set.find(earlier);
      if (place === undefined || this.#selection.offset(place) === 0) return place;
      earlier = this.#versions.before(earlier);
    }
    return undefined;
  }

  /** @returns undefined unless it takes less than `wholeBytes` */
  #delta(place: Place, base: Place, wholeBytes: number): NewDelta | undefined {
    const { set } = this.#selection;
    const baseOid = set.packs[base.pack]!.table.idx.oidBytes(base.position);
    const key = `${set.packs[place.pack]!.hash} ${place.position} ${asBuffer(baseOid).toString('latin1')}`;
    let answer = kept.get(key);
    if (answer === undefined) {
      const isFit = (each: Place) => set.size(each) >= LEAST_BYTES && set.fits(each, MOST_BYTES);
      if (this.#read > READ_BYTES || set.type(place) !== set.type(base) || !isFit(place) || !isFit(base))
        return undefined;
      this.#read += set.size(place) + set.size(base);
      answer = encode(set.read(base).data, set.read(place).data) ?? 'none';
      kept.set(key, answer);
    }
    if (answer === 'none' || answer.deflated.length + OID_BYTES >= wholeBytes) return undefined;
    return { ...answer, base: baseOid };
  }
}

/** As git, which takes no delta that is longer than half of the object. */
function encode(base: Uint8Array, result: Uint8Array): ReadyDelta | undefined {
  const delta = encodeDelta(base, result, result.length / 2);
  return delta && { size: delta.length, deflated: deflateSync(delta) };
}
