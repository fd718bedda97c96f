/** What a filter (git/upload-pack/filter.ts) lets pass, asked while objects are met. */
import type { ObjectType } from '../../git/objects/index.js';
import type { ObjectFilter } from '../../git/upload-pack/index.js';
import type { Selection } from './build-select.js';

export class TreeFilter {
  readonly #filter: ObjectFilter | undefined;
  /** Whether it matters how deep an object lies. */
  readonly byDepth: boolean;

  constructor(filter: ObjectFilter | undefined) {
    this.#filter = filter;
    this.byDepth = filter !== undefined && filter.treeDepth !== Number.POSITIVE_INFINITY;
  }

  /** @param depth below the root tree, which has 0 */
  passes(depth: number, type: 'tree' | 'blob'): boolean {
    const filter = this.#filter;
    if (filter === undefined) return true;
    if (depth >= filter.treeDepth || filter.types?.includes(type) === false) return false;
    return type === 'tree' || filter.blobLimit > 0;
  }

  /** False when nothing below a tree at this depth could pass. */
  goesBelow(depth: number): boolean {
    return this.passes(depth + 1, 'tree') || this.passes(depth + 1, 'blob');
  }

  /** For filters that do not go by depth, or let nothing but commits and tags pass: whether an object passes anywhere. */
  passesAnywhere(type: ObjectType, size: number): boolean {
    if (type === 'commit' || type === 'tag') return this.#filter?.types?.includes(type) !== false;
    return this.passes(0, type) && (type === 'tree' || !this.#isTooLarge(size));
  }

  /** Selects the object with the id at `at` when it passes. @throws AppError OBJECT_CORRUPTED */
  select(selection: Selection, bytes: Uint8Array, at: number, isTree: boolean, depth: number): void {
    const type = isTree ? 'tree' : 'blob';
    if (!this.passes(depth, type)) return;
    const place = selection.locate(bytes, at, type);
    if (isTree || !this.#isTooLarge(selection.set.size(place))) selection.select(place);
  }

  #isTooLarge(size: number): boolean {
    const limit = this.#filter?.blobLimit ?? Number.POSITIVE_INFINITY;
    // A size of Infinity is one that is not known exactly.
    return limit !== Number.POSITIVE_INFINITY && size >= limit;
  }
}
