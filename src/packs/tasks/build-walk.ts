/**
 * Walks trees: first those the client has, then those it wants, so that only what is new is visited.
 *
 * A filter by depth makes an object's place matter: what was left out as too deep may be met again nearer to a root, so
 * the smallest depth of each object is kept and a smaller one is followed again (git-rev-list, "--filter=tree:<depth>").
 */
import { OID_BYTES } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { ObjectFilter } from '../../git/upload-pack/index.js';
import { TreeFilter } from './build-filter.js';
import type { Selection } from './build-select.js';
import { readTree } from './read-tree.js';

/** The entries of a tree that the client named are counted from here. */
const ABOVE_ROOT = -1;

export class TreeWalk {
  readonly #selection: Selection;
  readonly #filter: TreeFilter;
  readonly #seen = new OidSet();
  /** Ids numbered below this are the client's. */
  #boundary = 0;
  /** Trees still to read, by number in `seen`, and how deep each lies. */
  readonly #pending: number[] = [];
  readonly #depths: number[] = [];
  /** With a filter by depth: the smallest depth at which each number was met. */
  #nearest: Int32Array | undefined;
  /** While trees are walked that the client named, except for the last one. */
  #moreNamed = false;

  constructor(selection: Selection, filter?: ObjectFilter) {
    this.#selection = selection;
    this.#filter = new TreeFilter(filter);
    if (this.#filter.byDepth) this.#nearest = new Int32Array(1024);
  }

  /** Notes commits that the client has, as delta bases. Call before {@link select}. */
  addBoundaryCommits(commits: Uint8Array): void {
    for (let at = 0; at < commits.length; at += OID_BYTES) this.#seen.add(commits, at);
    this.#boundary = this.#seen.count;
  }

  /** Notes everything reachable from trees that the client has. Call before {@link select}. */
  addBoundary(trees: Uint8Array): void {
    this.#walk(trees, false);
    this.#boundary = this.#seen.count;
  }

  /** Selects what is reachable from the root trees, passes the filter and the client lacks. @throws AppError OBJECT_CORRUPTED */
  select(trees: Uint8Array): void {
    if (this.#filter.goesBelow(ABOVE_ROOT)) this.#walk(trees, true);
  }

  /**
   * Selects trees that the client named, whatever the filter says of them, and what is below as {@link select}. As in git
   * (list-objects.c), one that a commit to be sent has as its root, or that lies in a tree named before it, counts its
   * entries from there and not from itself.
   * @param roots root trees of the commits to be sent
   * @throws AppError OBJECT_CORRUPTED
   */
  selectGiven(trees: Uint8Array, roots: Uint8Array): void {
    const ofCommits = common(trees, roots);
    for (let at = 0; at < trees.length; at += OID_BYTES) {
      this.#moreNamed = at + OID_BYTES < trees.length;
      if (this.clientHas(trees, at)) continue;
      this.#selection.select(this.#selection.locate(trees, at, 'tree'));
      const isMet = ofCommits.find(trees, at) >= 0 || this.#seen.find(trees, at) >= 0;
      this.#meet(trees, at, isMet ? 0 : ABOVE_ROOT, true, true);
      this.#drain(true);
    }
  }

  /** True for ids that the client surely has. */
  clientHas(oid: Uint8Array, at = 0): boolean {
    const number = this.#seen.find(oid, at);
    return number >= 0 && number < this.#boundary;
  }

  #walk(roots: Uint8Array, select: boolean): void {
    for (let at = 0; at < roots.length; at += OID_BYTES) {
      this.#meet(roots, at, 0, true, select);
      this.#drain(select);
    }
  }

  #drain(select: boolean): void {
    for (let number = this.#pending.pop(); number !== undefined; number = this.#pending.pop()) {
      const depth = this.#depths.pop()!;
      const place = this.#selection.locate(this.#seen.ids, number * OID_BYTES, 'tree');
      readTree(this.#selection.set, place, depth, (bytes, at, tree) => this.#meet(bytes, at, depth + 1, tree, select));
    }
  }

  #meet(bytes: Uint8Array, at: number, depth: number, tree: boolean, select: boolean): void {
    // A blob left out is not remembered: it may pass elsewhere, and without blobs there are several times fewer ids.
    if (select && !tree && !this.#filter.passes(depth, 'blob')) return;
    const known = this.#seen.count;
    const number = this.#seen.add(bytes, at);
    const isNew = number >= known;
    if (select ? !this.#isNearer(number, depth, isNew) : !isNew) return;
    if (select) this.#filter.select(this.#selection, bytes, at, tree, depth);
    if (tree && (!select || this.#reads(depth))) {
      this.#pending.push(number);
      this.#depths.push(depth);
    }
  }

  /** Whether entries of a tree at this depth are met: those that may pass, and those that may be named next. */
  #reads(depth: number): boolean {
    return this.#filter.goesBelow(depth) || (this.#moreNamed && this.#filter.passes(depth, 'tree'));
  }

  /** True for an object that must be looked at: a new one, or one met nearer to a root than before. */
  #isNearer(number: number, depth: number, isNew: boolean): boolean {
    if (this.#nearest === undefined) return isNew;
    if (!isNew && (number < this.#boundary || depth >= this.#nearest[number]!)) return false;
    if (number >= this.#nearest.length) {
      const grown = new Int32Array((number + 1) * 2);
      grown.set(this.#nearest);
      this.#nearest = grown;
    }
    this.#nearest[number] = depth;
    return true;
  }
}

/** Ids that are in both lists. */
function common(few: Uint8Array, many: Uint8Array): OidSet {
  const sought = new OidSet();
  const found = new OidSet();
  for (let at = 0; at < few.length; at += OID_BYTES) sought.add(few, at);
  for (let at = 0; at < many.length && sought.count > 0; at += OID_BYTES) {
    if (sought.find(many, at) >= 0) found.add(many, at);
  }
  return found;
}
