import { loadSnapshot, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Oid } from '../git/oid.js';
import { forEachParallel } from '../parallel.js';
import type { Repository } from '../repos/index.js';
import { reviewStates } from '../reviews/index.js';
import { mergesCleanly, statsOf } from './assess.js';
import { branchHeads } from './branches.js';
import { type Branches, compared } from './comparison.js';
import { NO_CHANGE } from './stats.js';
import type { Pull } from './store.js';
import { type Computed, type PullView, showPull } from './view.js';

/** Merges computed at once for one list; the workers also serve pushes and fetches. */
const LANES = 2;

/** Pull requests of one repository as they leave, in the order given. */
export async function showPulls(
  ctx: AppContext,
  repo: Pick<Repository, 'repoId' | 'refsVersion'>,
  pulls: readonly Pull[],
): Promise<PullView[]> {
  if (pulls.length === 0) return [];
  const ids = pulls.map((pull) => pull.prId);
  const [states, heads] = await Promise.all([reviewStates(ctx.db, ids), branchHeads(ctx, repo)]);
  // After the heads, so that the graph has every commit they name.
  const snapshot = await loadSnapshot(ctx, repo.repoId);
  const shown = new Map<string, PullView>();
  await forEachParallel(pulls, LANES, async (pull) => {
    const state = states.get(pull.prId) ?? { isApproved: false, reviewCount: 0 };
    shown.set(pull.prId, showPull(pull, await compute(ctx, snapshot, pull, heads), state));
  });
  return ids.flatMap((id) => shown.get(id) ?? []);
}

/** @param heads of the branches; the snapshot must be at least as new */
export async function compute(
  ctx: AppContext,
  snapshot: Snapshot,
  pull: Branches & Pick<Pull, 'mergedDiffStats'>,
  heads: ReadonlyMap<string, Oid>,
): Promise<Computed> {
  const isOpen = pull.status === 'open';
  const pair = compared(snapshot, pull, heads);
  const diffStats = pull.mergedDiffStats ?? (pair === undefined ? NO_CHANGE : await statsOf(ctx, snapshot, pair));
  if (pull.sourceBranch === pull.targetBranch) return { diffStats, mergeable: isOpen };
  const mayMerge = isOpen && pair !== undefined && heads.has(pull.sourceBranch);
  return { diffStats, mergeable: mayMerge && (await mergesCleanly(ctx, snapshot, pair)) };
}
