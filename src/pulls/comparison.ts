/** What a pull request compares: its head with the target branch, on the commit graph. */
import type { Snapshot } from '../catalog/index.js';
import { AppError } from '../errors.js';
import { EMPTY_TREE } from '../git/diff/index.js';
import type { Oid } from '../git/oid.js';
import type { Pull } from './store.js';

/** What of a pull request decides about the commits it compares. */
export type Branches = Pick<
  Pull,
  'sourceBranch' | 'targetBranch' | 'status' | 'headOid' | 'mergeCommitOid' | 'mergeStrategy'
>;

export interface Comparison {
  /** Graph positions. */
  head: number;
  target: number;
}

/**
 * The commits that a pull request compares; undefined while there is nothing to compare.
 * @param heads of the branches as they are now
 */
export function compared(snapshot: Snapshot, pull: Branches, heads: ReadonlyMap<string, Oid>): Comparison | undefined {
  if (pull.sourceBranch === pull.targetBranch) return undefined;
  // A deleted source branch leaves its last head, which refs/pull/{number}/head keeps.
  const headOid = (pull.status === 'open' ? heads.get(pull.sourceBranch) : undefined) ?? pull.headOid;
  const targetOid = pull.mergeCommitOid ?? heads.get(pull.targetBranch);
  if (headOid === null || targetOid === undefined) return undefined;
  const head = positionOf(snapshot, headOid);
  const target = positionOf(snapshot, targetOid);
  // A merge commit contains the head, so what the target was before says what the merge brought. Squashed and rebased
  // commits do not: between them and the head lies the same merge base as before.
  const before = pull.mergeStrategy === 'merge' ? snapshot.graph.parents(target)[0] : target;
  return { head, target: before ?? target };
}

/** @throws AppError OBJECT_CORRUPTED when a ref points at a commit that no pack has */
export function positionOf(snapshot: Snapshot, oid: Oid): number {
  const position = snapshot.graph.indexOf(oid);
  if (position < 0) throw new AppError('OBJECT_CORRUPTED', { message: `The commit ${oid} is missing.` });
  return position;
}

/** Trees of merge base and head, as in `git diff target...head`: of several bases the newest counts. */
export function comparedTrees({ graph }: Snapshot, { head, target }: Comparison): { oldTree: Oid; newTree: Oid } {
  const [base] = graph.mergeBases(target, head).sort((a, b) => graph.time(b) - graph.time(a) || b - a);
  return { oldTree: base === undefined ? EMPTY_TREE : graph.tree(base), newTree: graph.tree(head) };
}
