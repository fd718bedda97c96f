/** Walks trees: first those the client has, then those it wants, so that only what is new is visited. */
import { AppError } from '../../errors.js';
import { isGitlink, isTree } from '../../git/mode.js';
import { forEachTreeEntry } from '../../git/objects/index.js';
import { OID_BYTES, oidAt } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { Selection } from './build-select.js';

/** Folders nested deeper than any file system allows are an attack on whoever checks them out. */
const MAX_DEPTH = 2048;
/** A tree of a million entries; larger ones are refused at push. */
const MAX_TREE_BYTES = 64 * 1024 * 1024;

export class TreeWalk {
  readonly #selection: Selection;
  readonly #seen = new OidSet();
  /** Ids numbered below this are the client's. */
  #boundary = 0;
  /** Trees still to read, by number in `seen`, and how deep each lies. */
  readonly #pending: number[] = [];
  readonly #depths: number[] = [];

  constructor(selection: Selection) {
    this.#selection = selection;
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

  /** Selects everything reachable from the trees that the client lacks. @throws AppError OBJECT_CORRUPTED */
  select(trees: Uint8Array): void {
    this.#walk(trees, true);
  }

  /** True for ids that the client surely has. */
  clientHas(oid: Uint8Array, at = 0): boolean {
    const number = this.#seen.find(oid, at);
    return number >= 0 && number < this.#boundary;
  }

  #walk(roots: Uint8Array, select: boolean): void {
    for (let at = 0; at < roots.length; at += OID_BYTES) {
      this.#meet(roots, at, 1, true, select);
      for (let number = this.#pending.pop(); number !== undefined; number = this.#pending.pop()) {
        this.#readTree(number, this.#depths.pop()!, select);
      }
    }
  }

  #meet(bytes: Uint8Array, at: number, depth: number, tree: boolean, select: boolean): void {
    const known = this.#seen.count;
    const number = this.#seen.add(bytes, at);
    if (number < known) return;
    if (tree) {
      this.#pending.push(number);
      this.#depths.push(depth);
    } else if (select) this.#selection.select(this.#selection.locate(bytes, at, 'blob'));
  }

  #readTree(number: number, depth: number, select: boolean): void {
    const at = number * OID_BYTES;
    const { set } = this.#selection;
    const place = this.#selection.locate(this.#seen.ids, at, 'tree');
    if (depth > MAX_DEPTH) {
      throw new AppError('INVALID_OBJECT', { message: `Folders are nested deeper than ${MAX_DEPTH}.` });
    }
    if (set.size(place) > MAX_TREE_BYTES) {
      throw new AppError('OBJECT_CORRUPTED', { message: `The tree ${oidAt(this.#seen.ids, at)} is too large.` });
    }
    if (select) this.#selection.select(place);
    const { data } = set.read(place);
    set.guard(place, () => {
      forEachTreeEntry(data, (mode, _nameStart, _nameEnd, oidStart) => {
        if (!isGitlink(mode)) this.#meet(data, oidStart, depth + 1, isTree(mode), select);
      });
    });
  }
}
