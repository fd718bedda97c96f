/**
 * What commits introduce: objects of a commit's tree that no parent has at the same path.
 *
 * Whoever has the trees of all parents outside of a set of commits, and gets what each commit of the set introduces,
 * has all objects of all of them: an object is followed at its path from parent to parent until a commit introduced it,
 * or has come from outside. So the size of a change decides what a fetch costs, not the size of the trees.
 *
 * Of one commit an object is introduced once, though it be new at several paths, and one that stood beside it in a
 * parent is not. Nothing is passed over because of what another commit brought: two commits could each leave an object
 * to the other one, as reverts do.
 */
import { isGitlink } from '../../git/mode.js';
import { TreeCursor } from '../../git/objects/index.js';
import { OID_BYTES } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { Selection } from './build-select.js';
import { treeData } from './read-tree.js';

/** Most commits change some files in one or two folders. */
const FEW = 32;

/** In the place of an id. */
const NOTHING = new Uint8Array(OID_BYTES);

/** Ids of 20 bytes each. */
export interface Introduced {
  trees: Uint8Array;
  blobs: Uint8Array;
  /** What the first parent that has something there has in the place of each tree and each blob; zeros for nothing. */
  treeBases: Uint8Array;
  blobBases: Uint8Array;
  /** What parents have in the places of those: the likely bases of deltas. */
  replaced: Uint8Array;
}

/** An entry that is new in its tree. */
interface Added {
  at: number;
  isTree: boolean;
  /** Ids that the parents have in its place. */
  olds: Uint8Array[];
}

/** A tree that is new where it lies. */
interface NewTree {
  oid: Uint8Array;
  depth: number;
  olds: Uint8Array[];
}

/**
 * Compares the tree of a commit with those of its parents.
 * @param tree id of the root tree
 * @param parents ids of the parents' root trees
 * @throws AppError OBJECT_CORRUPTED
 */
export function introducedBy(selection: Selection, tree: Uint8Array, parents: readonly Uint8Array[]): Introduced {
  const trees = new OidSet(FEW);
  const blobs = new OidSet(FEW);
  const replaced = new OidSet(FEW);
  const treeBases: Uint8Array[] = [];
  const blobBases: Uint8Array[] = [];
  const pending: NewTree[] = [];
  const meet = (oid: Uint8Array, depth: number, olds: Uint8Array[]) => {
    const known = trees.count;
    if (trees.add(oid, 0) !== known) return;
    treeBases.push(olds[0] ?? NOTHING);
    pending.push({ oid, depth, olds });
  };
  if (!parents.some((parent) => sameId(parent, tree))) meet(tree, 0, [...parents]);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { depth } = next;
    const { data, added } = compare(selection, next, replaced);
    for (const { at, isTree, olds } of added) {
      const oid = data.subarray(at, at + OID_BYTES);
      // Moved within its folder.
      if (replaced.find(oid, 0) >= 0) continue;
      const known = blobs.count;
      if (isTree) meet(oid, depth + 1, olds);
      else if (blobs.add(oid, 0) === known) blobBases.push(olds[0] ?? NOTHING);
    }
  }
  return {
    trees: trees.ids.slice(),
    blobs: blobs.ids.slice(),
    treeBases: Buffer.concat(treeBases),
    blobBases: Buffer.concat(blobBases),
    replaced: replaced.ids.slice(),
  };
}

function compare(
  selection: Selection,
  { oid, depth, olds }: NewTree,
  replaced: OidSet,
): { data: Uint8Array; added: Added[] } {
  const { set } = selection;
  const place = selection.locate(oid, 0, 'tree');
  const data = treeData(set, place, depth);
  const others = olds.map((old) => treeData(set, selection.locate(old, 0, 'tree'), depth));
  return set.guard(place, () => {
    let added = changes(data, others[0] ?? new Uint8Array(), replaced);
    for (const other of others.slice(1)) {
      const more = new Map(changes(data, other).map((entry) => [entry.at, entry.olds]));
      added = added.filter((entry) => {
        const further = more.get(entry.at);
        if (further !== undefined) entry.olds.push(...further);
        return further !== undefined;
      });
    }
    for (const { olds } of added) for (const old of olds) replaced.add(old, 0);
    return { data, added };
  });
}

/** Entries of `data` that `other` lacks. @param removed takes entries of `other` that nothing stands in the place of */
function changes(data: Uint8Array, other: Uint8Array, removed?: OidSet): Added[] {
  const added: Added[] = [];
  const [entry, old] = [new TreeCursor(data), new TreeCursor(other)];
  const remove = () => {
    if (!isGitlink(old.mode)) removed?.add(other, old.oidAt);
  };
  entry.skipCommon(old);
  let isOpen = old.next();
  while (entry.next()) {
    let order = isOpen ? old.compare(entry) : 1;
    while (order < 0) {
      remove();
      isOpen = old.next();
      order = isOpen ? old.compare(entry) : 1;
    }
    const isNew = order !== 0 || !old.sameOid(entry);
    if (isNew && !isGitlink(entry.mode)) {
      const olds = order === 0 && !isGitlink(old.mode) ? [other.subarray(old.oidAt, old.oidAt + OID_BYTES)] : [];
      added.push({ at: entry.oidAt, isTree: entry.isTree, olds });
    }
    if (order !== 0) continue;
    entry.skipCommon(old);
    isOpen = old.next();
  }
  for (; isOpen; isOpen = old.next()) remove();
  return added;
}

function sameId(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < OID_BYTES; i++) if (one[i] !== other[i]) return false;
  return true;
}
