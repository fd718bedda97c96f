/** State shared by the passes over one received pack. */
import type { ObjectType } from '../objects/type.js';
import { OID_BYTES, oidAt } from '../oid.js';
import { DeltaStore } from './delta-store.js';
import type { Scratch } from './index-content.js';
import type { Entries } from './index-entries.js';
import type { ObjectFacts } from './index-facts.js';
import { OidIndex, OidTypes } from './index-oids.js';
import type { PackWindow } from './index-window.js';
import {
  deltaAllowance,
  inflationAllowance,
  invalidPack,
  MAX_STRUCTURED_BYTES,
  overLimit,
  type ReceiveLimits,
} from './limits.js';

export interface PackParts {
  window: PackWindow;
  scratch: Scratch;
  entries: Entries;
  facts: ObjectFacts;
  limits: ReceiveLimits;
  /** Whether to look for SHA-1 collision attacks. */
  collisionCheck: boolean;
}

export class PackState implements PackParts {
  /** Finds entries by id. */
  readonly known: OidIndex;
  /** Base ids of REF_DELTAs; by their number the first delta on each. */
  readonly refBases: OidTypes;
  readonly refHeads: number[] = [];
  /** REF_DELTA entries in pack order, and the number of the base of each. */
  readonly refDeltas: number[] = [];
  readonly refDeltaBases: number[] = [];
  readonly deltas: DeltaStore;
  readonly window: PackWindow;
  readonly scratch: Scratch;
  readonly entries: Entries;
  readonly facts: ObjectFacts;
  readonly limits: ReceiveLimits;
  readonly collisionCheck: boolean;
  readonly #allowance: number;
  #budget: number;
  #deltaBudget: number;

  constructor(parts: PackParts, seeds: Int32Array, packBytes: number) {
    const { window, scratch, entries, facts, limits, collisionCheck } = parts;
    this.window = window;
    this.scratch = scratch;
    this.entries = entries;
    this.facts = facts;
    this.limits = limits;
    this.collisionCheck = collisionCheck;
    this.deltas = new DeltaStore(entries.types.length);
    this.known = new OidIndex(entries.oids, seeds, entries.types.length);
    this.refBases = new OidTypes(seeds);
    this.#allowance = inflationAllowance(packBytes, limits);
    this.#budget = this.#allowance;
    this.#deltaBudget = deltaAllowance(packBytes);
  }

  /** Takes `bytes` from what the whole pack may inflate to. @throws AppError INVALID_PACKFILE when nothing is left */
  spend(bytes: number): void {
    this.#budget -= bytes;
    if (this.#budget >= 0) return;
    const { limits } = this;
    const byRatio = this.#allowance < limits.maxInflatedBytes;
    if (!byRatio)
      throw overLimit('the packfile inflates to more bytes than', 'maxInflatedBytes', limits.maxInflatedBytes);
    const what = `the packfile inflates to more bytes than its size allows, ${this.#allowance}, at a ratio of`;
    throw overLimit(what, 'maxInflationRatio', limits.maxInflationRatio);
  }

  /** The same for delta data, which has a budget of its own besides. */
  spendDelta(bytes: number): void {
    this.#deltaBudget -= bytes;
    if (this.#deltaBudget < 0) throw invalidPack('the packfile holds more delta data than is allowed for its size');
  }

  /** @throws AppError INVALID_PACKFILE when an object of `size` bytes is too large */
  admit(size: number, type?: ObjectType): void {
    const { maxObjectBytes } = this.limits;
    const what = `a ${type ?? 'object'} of ${size} bytes is larger than the`;
    if (size > maxObjectBytes) throw overLimit(`${what} bytes allowed:`, 'maxObjectBytes', maxObjectBytes);
    if (type === undefined || type === 'blob' || size <= MAX_STRUCTURED_BYTES) return;
    throw invalidPack(`${what} ${MAX_STRUCTURED_BYTES} bytes allowed for anything but files`);
  }

  /** Registers the id that was written to `entries.oids`. @throws AppError INVALID_PACKFILE for a duplicate */
  identify(entry: number): void {
    if (this.known.insert(entry) < 0) return;
    throw invalidPack(`the object ${oidAt(this.entries.oids, entry * OID_BYTES)} is twice in the packfile`);
  }
}
