/** Reading trees out of stored packs while walking down folders. */
import { AppError } from '../../errors.js';
import { isGitlink, isTree } from '../../git/mode.js';
import { forEachTreeEntry } from '../../git/objects/index.js';
import type { PackSet, Place } from '../../git/pack/reader-chain.js';

/** Folders nested deeper than any file system allows are an attack on whoever checks them out. */
const MAX_DEPTH = 2048;
/** A tree of a million entries; larger ones are refused at push. */
const MAX_TREE_BYTES = 64 * 1024 * 1024;

/**
 * The bytes of a tree.
 * @param depth of the tree below its root, which has 0
 * @throws AppError OBJECT_CORRUPTED, or INVALID_OBJECT for folders nested too deeply
 */
export function treeData(set: PackSet, place: Place, depth: number): Uint8Array {
  if (depth >= MAX_DEPTH) {
    throw new AppError('INVALID_OBJECT', { message: `Folders are nested deeper than ${MAX_DEPTH}.` });
  }
  if (set.size(place) > MAX_TREE_BYTES) throw set.corrupted(place, new RangeError('the tree is too large'));
  return set.read(place).data;
}

/**
 * Calls `meet` for each tree and blob of a tree; what a gitlink names belongs to another repository.
 * @throws as {@link treeData}
 */
export function readTree(
  set: PackSet,
  place: Place,
  depth: number,
  meet: (bytes: Uint8Array, at: number, isTree: boolean) => void,
): void {
  const data = treeData(set, place, depth);
  set.guard(place, () => {
    forEachTreeEntry(data, (mode, _nameStart, _nameEnd, oidStart) => {
      if (!isGitlink(mode)) meet(data, oidStart, isTree(mode));
    });
  });
}
