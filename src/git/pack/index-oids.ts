/** Open-addressing lookups of 20-byte ids; a Map of strings takes five times the memory. */
import { OID_BYTES } from '../oid.js';

/** Numbers ids by the position of their 20 bytes in {@link OidIndex.keys}. */
export class OidIndex {
  keys: Buffer;
  readonly #seeds: Int32Array;
  #slots: Int32Array;
  #used = 0;

  /**
   * @param keys ids by number; replace the field when it must grow
   * @param seeds five odd random numbers: senders choose the ids they name, and must not be able to choose the slots
   */
  constructor(keys: Buffer, seeds: Int32Array, expected = 1024) {
    this.keys = keys;
    this.#seeds = seeds;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(16, expected * 1.5)))).fill(-1);
  }

  /** The number under which an equal id was inserted, or -1. */
  find(bytes: Uint8Array, at: number): number {
    return this.#slots[this.#slot(bytes, at)]!;
  }

  /** Inserts key `number`, or returns the number of the equal key that is there already; -1 = inserted. */
  insert(number: number): number {
    const slot = this.#slot(this.keys, number * OID_BYTES);
    const present = this.#slots[slot]!;
    if (present >= 0) return present;
    this.#slots[slot] = number;
    if (++this.#used * 1.5 > this.#slots.length) this.#grow();
    return -1;
  }

  #slot(bytes: Uint8Array, at: number): number {
    const keys = this.keys;
    const seeds = this.#seeds;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hash = 0;
    for (let word = 0; word < 5; word++) {
      const from = at + word * 4;
      const value = bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24);
      hash = (hash + Math.imul(value ^ (value >>> 15), seeds[word]!)) | 0;
    }
    let slot = (hash ^ (hash >>> 16)) & mask;
    for (;;) {
      const number = slots[slot]!;
      if (number < 0 || equal(keys, number * OID_BYTES, bytes, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2).fill(-1);
    for (const number of old) if (number >= 0) this.#slots[this.#slot(this.keys, number * OID_BYTES)] = number;
  }
}

const FIRST_IDS = 64;

/** A growing set of ids with a small number for each. */
export class OidTypes {
  readonly #index: OidIndex;
  #types = new Uint8Array(FIRST_IDS);
  #count = 0;

  constructor(seeds: Int32Array) {
    this.#index = new OidIndex(Buffer.alloc(FIRST_IDS * OID_BYTES), seeds);
  }

  get count(): number {
    return this.#count;
  }

  /** Ids, 20 bytes each, in order of arrival. */
  get oids(): Buffer {
    return this.#index.keys.subarray(0, this.#count * OID_BYTES);
  }

  type(number: number): number {
    return this.#types[number]!;
  }

  setType(number: number, type: number): void {
    this.#types[number] = type;
  }

  /** The number of an id, or -1. */
  find(bytes: Uint8Array, at: number): number {
    return this.#index.find(bytes, at);
  }

  /** The number of an id; one that is new is added with `type`. */
  add(bytes: Uint8Array, at: number, type: number): number {
    const number = this.#count;
    if (number === this.#types.length) this.#grow();
    const { keys } = this.#index;
    for (let i = 0; i < OID_BYTES; i++) keys[number * OID_BYTES + i] = bytes[at + i]!;
    const present = this.#index.insert(number);
    if (present >= 0) return present;
    this.#types[number] = type;
    this.#count++;
    return number;
  }

  #grow(): void {
    const types = new Uint8Array(this.#types.length * 2);
    types.set(this.#types);
    this.#types = types;
    const keys = Buffer.alloc(types.length * OID_BYTES);
    keys.set(this.#index.keys);
    this.#index.keys = keys;
  }
}

function equal(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  for (let i = 0; i < OID_BYTES; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
}
