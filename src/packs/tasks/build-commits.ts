/** Selects what commits introduce (build-introduced.ts), remembering it: the same new commits are fetched by many. */
import { LRUCache } from 'lru-cache';
import { asBuffer } from '../../git/bytes.js';
import { OID_BYTES } from '../../git/oid.js';
import { OidSet } from '../../git/pack/oid-set.js';
import type { ObjectFilter } from '../../git/upload-pack/index.js';
import type { Versions } from './build-delta.js';
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
  sizeCalculation: ({ trees, blobs, replaced }) => 2 * (trees.length + blobs.length) + replaced.length + OVERHEAD_BYTES,
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

/** What stood in the places of selected objects: whoever is sent those has it, or is sent it too. */
export interface Replaced extends Versions {
  has(oid: Uint8Array): boolean;
}

/**
 * Selects what the commits introduce, as far as the filter lets it pass; the filter must not go by depth.
 * @throws AppError OBJECT_CORRUPTED
 */
export function selectIntroduced(
  selection: Selection,
  { trees, parentTrees, parentCounts }: CommitTrees,
  filter?: ObjectFilter,
): Replaced {
  const passing = new TreeFilter(filter);
  const found: Introduced[] = [];
  let parentAt = 0;
  parentCounts.forEach((count, commit) => {
    const parents = parentTrees.subarray(parentAt, parentAt + count * OID_BYTES);
    parentAt += parents.length;
    const tree = trees.subarray(commit * OID_BYTES, (commit + 1) * OID_BYTES);
    const introduced = introducedOnce(selection, tree, parents);
    selectEach(selection, passing, introduced.trees, true);
    selectEach(selection, passing, introduced.blobs, false);
    found.push(introduced);
  });
  let replaced: OidSet | undefined;
  let history: History | undefined;
  const versions = () => {
    history ??= new History(found);
    return history;
  };
  return {
    has(oid) {
      replaced ??= union(found);
      return replaced.find(oid, 0) >= 0;
    },
    before: (oid) => versions().before(oid),
    after: (oid) => versions().after(oid),
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

function union(found: readonly Introduced[]): OidSet {
  const all = new OidSet();
  for (const { replaced } of found) for (let at = 0; at < replaced.length; at += OID_BYTES) all.add(replaced, at);
  return all;
}

/** Introduced objects with what stood in their place; of one that was introduced several times, the first time. */
class History implements Versions {
  readonly #news = new OidSet();
  readonly #olds = new OidSet();
  /** By number in `news`, the place of its old one in `olds`; and the other way round. */
  readonly #before: number[] = [];
  readonly #after: number[] = [];

  constructor(found: readonly Introduced[]) {
    for (const { trees, treeBases, blobs, blobBases } of found) {
      this.#add(trees, treeBases);
      this.#add(blobs, blobBases);
    }
  }

  before(oid: Uint8Array): Uint8Array | undefined {
    return at(this.#olds, this.#before[this.#news.find(oid, 0)]);
  }

  after(oid: Uint8Array): Uint8Array | undefined {
    return at(this.#news, this.#after[this.#olds.find(oid, 0)]);
  }

  #add(news: Uint8Array, olds: Uint8Array): void {
    for (let from = 0; from < news.length; from += OID_BYTES) {
      if (!olds.subarray(from, from + OID_BYTES).some((byte) => byte !== 0)) continue;
      const [newCount, oldCount] = [this.#news.count, this.#olds.count];
      const [one, other] = [this.#news.add(news, from), this.#olds.add(olds, from)];
      if (one === newCount) this.#before.push(other);
      if (other === oldCount) this.#after.push(one);
    }
  }
}

function at(set: OidSet, number: number | undefined): Uint8Array | undefined {
  return number === undefined ? undefined : set.ids.subarray(number * OID_BYTES, (number + 1) * OID_BYTES);
}
