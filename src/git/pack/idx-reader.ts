/** Reads a version 2 pack index held in memory (gitformat-pack, "Version 2 pack-*.idx"). */
import { OID_BYTES, type Oid, oidAt } from '../oid.js';

const HEADER = 8;
const FANOUT = 256 * 4;

export class IdxReader {
  /** Number of objects. */
  readonly count: number;
  readonly #view: DataView;
  readonly #oids: number;
  readonly #offsets: number;
  readonly #large: number;

  /** @throws RangeError when the bytes are not a version 2 index of consistent size */
  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (
      bytes.length < HEADER + FANOUT + 40 ||
      this.#view.getUint32(0) !== 0xff744f63 ||
      this.#view.getUint32(4) !== 2
    ) {
      throw new RangeError('not a version 2 pack index');
    }
    this.count = this.#view.getUint32(HEADER + 255 * 4);
    this.#oids = HEADER + FANOUT;
    this.#offsets = this.#oids + this.count * (OID_BYTES + 4);
    this.#large = this.#offsets + this.count * 4;
    if (bytes.length < this.#large + 40) throw new RangeError('the pack index is truncated');
  }

  /** Position of an object in index order, or -1. */
  find(oid: Uint8Array, at = 0): number {
    const first = oid[at]!;
    let low = first === 0 ? 0 : this.#view.getUint32(HEADER + (first - 1) * 4);
    let high = this.#view.getUint32(HEADER + first * 4);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(middle, oid, at);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  /** All ids in order, 20 bytes each. */
  get oids(): Uint8Array {
    return this.bytes.subarray(this.#oids, this.#oids + this.count * OID_BYTES);
  }

  oid(position: number): Oid {
    return oidAt(this.bytes, this.#oids + position * OID_BYTES);
  }

  /** The 20 bytes of the id at `position`, in place. */
  oidBytes(position: number): Uint8Array {
    const at = this.oidOffset(position);
    return this.bytes.subarray(at, at + OID_BYTES);
  }

  /** Where the 20 bytes of the id at `position` begin in {@link bytes}. */
  oidOffset(position: number): number {
    return this.#oids + position * OID_BYTES;
  }

  /** Byte offset of the object's entry in the pack. */
  offset(position: number): number {
    const small = this.#view.getUint32(this.#offsets + position * 4);
    if (small < 0x80000000) return small;
    return Number(this.#view.getBigUint64(this.#large + (small & 0x7fffffff) * 8));
  }

  #compare(position: number, oid: Uint8Array, at: number): number {
    const start = this.#oids + position * OID_BYTES;
    for (let i = 0; i < OID_BYTES; i++) {
      const difference = this.bytes[start + i]! - oid[at + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
