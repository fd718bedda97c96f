/** Tables with one row per pack entry, in pack order. */
import { OID_BYTES } from '../oid.js';

export class Entries {
  /** Rows in use. */
  count = 0;
  /** Rows that came with the pack; later ones were appended to complete it. */
  received = 0;
  offsets: Float64Array;
  /** Compressed and uncompressed bytes of the entry, header included. */
  lengths: Float64Array;
  /** Inflated size of the object, for deltas of their result. */
  sizes: Float64Array;
  crcs: Uint32Array;
  /** Type number of the object; 6 and 7 until a delta is resolved. */
  types: Uint8Array;
  /** Ids; all zero until known. */
  oids: Buffer;
  /** First delta on this entry by offset, and the next delta on the same base; -1 = none. */
  firstChild: Int32Array;
  nextSibling: Int32Array;

  constructor(capacity: number) {
    this.offsets = new Float64Array(capacity);
    this.lengths = new Float64Array(capacity);
    this.sizes = new Float64Array(capacity);
    this.crcs = new Uint32Array(capacity);
    this.types = new Uint8Array(capacity);
    this.oids = Buffer.alloc(capacity * OID_BYTES);
    this.firstChild = new Int32Array(capacity).fill(-1);
    this.nextSibling = new Int32Array(capacity).fill(-1);
  }

  /** Rows there is room for. */
  get capacity(): number {
    return this.types.length;
  }

  /** Makes room for one more row than there is and returns its number. */
  append(): number {
    if (this.count === this.types.length) this.#grow(Math.ceil(this.count * 1.25) + 16);
    return this.count++;
  }

  /** The entry that begins at `offset`, or -1. */
  at(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return this.offsets[low] === offset && low < this.count ? low : -1;
  }

  #grow(capacity: number): void {
    const larger = new Entries(capacity);
    larger.offsets.set(this.offsets);
    larger.lengths.set(this.lengths);
    larger.sizes.set(this.sizes);
    larger.crcs.set(this.crcs);
    larger.types.set(this.types);
    larger.oids.set(this.oids);
    larger.firstChild.set(this.firstChild);
    larger.nextSibling.set(this.nextSibling);
    const { count, received } = this;
    Object.assign(this, larger, { count, received });
  }
}
