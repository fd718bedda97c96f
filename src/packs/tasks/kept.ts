/** What a list of root sets reaches: the objects that collecting garbage keeps. */
import { AppError } from '../../errors.js';
import { OID_BYTES, oidAt } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { PackSet } from '../../git/pack/reader-chain.js';
import type { RootSet } from '../contract.js';
import { readTree } from './read-tree.js';

export class Kept {
  readonly #seen = new OidSet();
  /** Ids numbered below the n-th end are reached by the first n + 1 root sets. */
  readonly #ends: number[] = [];
  readonly #set: PackSet;
  /** Trees still to read, by number in `seen`, and how deep each lies. */
  readonly #pending: number[] = [];
  readonly #depths: number[] = [];

  /** @param set every pack that may hold an object on the way. @throws AppError OBJECT_CORRUPTED when one is missing */
  constructor(set: PackSet, roots: readonly RootSet[]) {
    this.#set = set;
    for (const { commits, trees, extra } of roots) {
      for (let at = 0; at < commits.length; at += OID_BYTES) this.#seen.add(commits, at);
      for (let at = 0; at < trees.length; at += OID_BYTES) this.#walk(trees, at);
      for (let at = 0; at < extra.length; at += OID_BYTES) this.#addExtra(extra, at);
      this.#ends.push(this.#seen.count);
    }
  }

  /** Which root set reaches the id first; -1 = none does. */
  output(bytes: Uint8Array, at: number): number {
    const number = this.#seen.find(bytes, at);
    return number < 0 ? -1 : this.#ends.findIndex((end) => number < end);
  }

  #addExtra(bytes: Uint8Array, at: number): void {
    const place = this.#set.find(bytes, at);
    if (place === undefined) throw missing(bytes, at);
    if (this.#set.type(place) === 'tree') this.#walk(bytes, at);
    else this.#seen.add(bytes, at);
  }

  #walk(bytes: Uint8Array, at: number): void {
    this.#meet(bytes, at, true, 0);
    for (let number = this.#pending.pop(); number !== undefined; number = this.#pending.pop()) {
      const depth = this.#depths.pop()!;
      const place = this.#set.find(this.#seen.ids, number * OID_BYTES);
      if (place === undefined) throw missing(this.#seen.ids, number * OID_BYTES);
      readTree(this.#set, place, depth, (names, from, isTree) => this.#meet(names, from, isTree, depth + 1));
    }
  }

  #meet(bytes: Uint8Array, at: number, isTree: boolean, depth: number): void {
    const known = this.#seen.count;
    const number = this.#seen.add(bytes, at);
    if (number < known || !isTree) return;
    this.#pending.push(number);
    this.#depths.push(depth);
  }
}

function missing(bytes: Uint8Array, at: number): AppError {
  return new AppError('OBJECT_CORRUPTED', { message: `The object ${oidAt(bytes, at)} is missing in storage.` });
}
