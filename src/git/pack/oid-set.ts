/**
 * Object ids numbered in the order they come, in typed arrays: a JavaScript Map of a million ids costs ten times the
 * memory. Open addressing with linear probing; ids are hashes already, so their first four bytes choose the slot.
 */
import { OID_BYTES } from '../oid.js';

const FIRST_SLOTS = 1024;

export class OidSet {
  #count = 0;
  #ids: Uint8Array;
  /** Number of the id plus one; 0 = free. */
  #slots: Uint32Array;

  /** @param slots to begin with, a power of two: twice as many as ids are expected */
  constructor(slots = FIRST_SLOTS) {
    this.#ids = new Uint8Array((slots / 2) * OID_BYTES);
    this.#slots = new Uint32Array(slots);
  }

  /** How many ids there are; the next new one gets this number. */
  get count(): number {
    return this.#count;
  }

  /** The ids, 20 bytes each. Valid until the next {@link add}. */
  get ids(): Uint8Array {
    return this.#ids.subarray(0, this.#count * OID_BYTES);
  }

  /** Number of the id at `at` in `bytes`, which is added when it is new. */
  add(bytes: Uint8Array, at: number): number {
    let slot = this.#slot(bytes, at);
    const known = this.#slots[slot]!;
    if (known !== 0) return known - 1;
    if ((this.#count + 1) * 2 > this.#slots.length) {
      this.#grow();
      slot = this.#slot(bytes, at);
    }
    const start = this.#count * OID_BYTES;
    for (let i = 0; i < OID_BYTES; i++) this.#ids[start + i] = bytes[at + i]!;
    this.#count += 1;
    this.#slots[slot] = this.#count;
    return this.#count - 1;
  }

  /** Number of the id at `at` in `bytes`, or -1. */
  find(bytes: Uint8Array, at: number): number {
    return this.#slots[this.#slot(bytes, at)]! - 1;
  }

  /** The slot that holds the id, or the free one where it belongs. */
  #slot(bytes: Uint8Array, at: number): number {
    const mask = this.#slots.length - 1;
    let slot = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) & mask;
    for (;;) {
      const number = this.#slots[slot]!;
      if (number === 0 || this.#holds(number - 1, bytes, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #holds(number: number, bytes: Uint8Array, at: number): boolean {
    const start = number * OID_BYTES;
    for (let i = 0; i < OID_BYTES; i++) if (this.#ids[start + i] !== bytes[at + i]) return false;
    return true;
  }

  #grow(): void {
    const ids = new Uint8Array(this.#slots.length * OID_BYTES);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let number = 0; number < this.#count; number++) this.#slots[this.#slot(ids, number * OID_BYTES)] = number + 1;
  }
}
