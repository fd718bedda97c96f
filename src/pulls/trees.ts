/** Diffs and merges of stored trees, in the workers of the pack engine. */
import { type Snapshot, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { TreeDiff } from '../git/diff/index.js';
import type { Oid } from '../git/oid.js';
import type { LocalPack, MergeOutcome, MergeStep } from '../packs/index.js';

/** @throws AppError as PackEngine.diff */
export function diffTrees(
  ctx: AppContext,
  snapshot: Snapshot,
  trees: { oldTree: Oid; newTree: Oid },
  detail: 'stat' | 'hunks',
): Promise<TreeDiff> {
  return withAllPacks(ctx, snapshot, (packs) => ctx.engine.diff({ packs, ...trees, detail }));
}

/** @throws AppError as PackEngine.merge */
export function mergeTrees(ctx: AppContext, snapshot: Snapshot, steps: MergeStep[]): Promise<MergeOutcome> {
  return withAllPacks(ctx, snapshot, (packs) => ctx.engine.merge({ packs, steps }));
}

/** Where the objects of a tree lie is known only by walking it, so every pack is at hand. */
export function withAllPacks<T>(
  ctx: AppContext,
  snapshot: Snapshot,
  work: (packs: LocalPack[]) => Promise<T>,
): Promise<T> {
  const hashes = snapshot.packs.map((pack) => pack.hash);
  return withPacks(ctx, snapshot, hashes, work);
}
