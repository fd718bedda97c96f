/** Selects what commits introduce (build-introduced.ts), remembering it: the same new commits are fetched by many. */
import { LRUCache } from 'lru-cache';
import { asBuffer } from '../../git/bytes.js';
import { OID_BYTES } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { ObjectFilter } from '../../git/upload-pack/index.js';
import { TreeFilter } from './build-filter.js';
import { type Introduced, introducedBy } from './build-introduced.js';
import type { Selection } from './build-select.js';

/** Answers kept per worker, bytes: those of some ten thousand commits. */
const CACHED_BYTES = 24 * 1024 * 1024;
/** What an answer takes besides its ids, bytes. */
const OVERHEAD_BYTES = 500;

/** By the ids of the trees compared. Trees never change, so an answer is good for ever and in every repository. */
const answers = new LRUCache<string, Introduced>({
  maxSize: CACHED_BYTES,
  sizeCalculation: ({ trees, blobs, replaced }) => trees.length + blobs.length + replaced.length + OVERHEAD_BYTES,
});

/** Commits with ids of 20 bytes each. */
export interface CommitTrees {
  /** Root tree of each commit. */
  trees: Uint8Array;
  /** Root trees of the parents of the first commit, then of the second, and so on. */
  parentTrees: Uint8Array;
  /** How many of those belong to each commit. */
  parentCounts: Uint16Array;
}

/**
 * Selects what the commits introduce, as far as the filter lets it pass; the filter must not go by depth.
 * @returns whether an object stood in the place of a selected one: whoever is sent those has it, or is sent it too
 * @throws AppError OBJECT_CORRUPTED
 */
export function selectIntroduced(
  selection: Selection,
  { trees, parentTrees, parentCounts }: CommitTrees,
  filter?: ObjectFilter,
): (oid: Uint8Array) => boolean {
  const passing = new TreeFilter(filter);
  const replaced: Uint8Array[] = [];
  let parentAt = 0;
  parentCounts.forEach((count, commit) => {
    const parents = parentTrees.subarray(parentAt, parentAt + count * OID_BYTES);
    parentAt += parents.length;
    const tree = trees.subarray(commit * OID_BYTES, (commit + 1) * OID_BYTES);
    const introduced = introducedOnce(selection, tree, parents);
    selectEach(selection, passing, introduced.trees, true);
    selectEach(selection, passing, introduced.blobs, false);
    replaced.push(introduced.replaced);
  });
  let all: OidSet | undefined;
  return (oid) => {
    all ??= union(replaced);
    return all.find(oid, 0) >= 0;
  };
}

function introducedOnce(selection: Selection, tree: Uint8Array, parents: Uint8Array): Introduced {
  const key = asBuffer(tree).toString('latin1') + asBuffer(parents).toString('latin1');
  let known = answers.get(key);
  if (known === undefined) {
    const ids = Array.from({ length: parents.length / OID_BYTES }, (_, i) =>
      parents.subarray(i * OID_BYTES, (i + 1) * OID_BYTES),
    );
    known = introducedBy(selection, tree, ids);
    answers.set(key, known);
  }
  return known;
}

function selectEach(selection: Selection, filter: TreeFilter, oids: Uint8Array, areTrees: boolean): void {
  for (let at = 0; at < oids.length; at += OID_BYTES) filter.select(selection, oids, at, areTrees, 0);
}

function union(lists: readonly Uint8Array[]): OidSet {
  const all = new OidSet();
  for (const list of lists) for (let at = 0; at < list.length; at += OID_BYTES) all.add(list, at);
  return all;
}
