/** What the maintenance jobs do for a repository when its turn comes, now: loose objects, compaction, collection. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  allExist,
  claimRepository,
  ExchangeRefused,
  type Graces,
  MAINTENANCE_LEASE_SECS,
  type PackSummary,
  pendingUnpacks,
  releaseMaintenance,
  summarizePacks,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { collectOne } from './collect.js';
import { compactOne } from './compact.js';
import { removeRetiredPacks } from './retired.js';
import { unpackPending } from './unpack.js';
import { withLease } from './with-lease.js';

/** As long as another node may be silent before its work is taken over, and some more. */
const DEFAULT_WAIT_MS = (MAINTENANCE_LEASE_SECS + 30) * 1000;

const PAUSE_MS = 250;

export interface Maintenance {
  before: PackSummary;
  after: PackSummary;
  merges: number;
  /**
   * `busy`: another node or job had the repository in hand all the time; `later`: pushes or packs that are not stored loose
   * are in the way. Jobs will do the rest.
   */
  outcome: 'done' | 'busy' | 'later';
}

/**
 * Merges and collects as the jobs do, with the same claims and the same grace times, but without waiting for pushes to
 * pause. Nodes may run meanwhile; what is stopped in the middle is taken up by their jobs.
 * @param waitMs how long to wait for a repository that another node has in hand
 */
export async function maintainRepository(
  ctx: AppContext,
  repoId: string,
  waitMs = DEFAULT_WAIT_MS,
): Promise<Maintenance> {
  const { GITCLAW_GC_AFTER_SECS: after, GITCLAW_GC_GRACE_SECS, GITCLAW_PACK_GRACE_SECS } = ctx.config;
  const graces: Graces = { superseded: GITCLAW_PACK_GRACE_SECS, condemned: GITCLAW_GC_GRACE_SECS };
  const never = new AbortController().signal;
  const deadline = performance.now() + waitMs;
  const before = await summarizePacks(ctx.db, repoId, after, graces);
  const end = async (outcome: Maintenance['outcome'], merges: number): Promise<Maintenance> => ({
    ...{ before, merges, outcome },
    after: await summarizePacks(ctx.db, repoId, after, graces),
  });

  while ((await pendingUnpacks(ctx.db, repoId)) > 0) {
    if ((await unpackPending(ctx, never, repoId)) > 0) continue;
    if (performance.now() > deadline) return end('later', 0);
    await sleep(PAUSE_MS);
  }
  const merges = await claimed(ctx, repoId, deadline, () => compactOne(ctx, { repoId, pause: 'long' }, never));
  if (merges === undefined) return end('busy', 0);
  const isDone = await claimed(ctx, repoId, deadline, () => collectOne(ctx, repoId, after, graces, never));
  if (isDone === undefined) return end('busy', merges);
  await removeRetiredPacks(ctx, never);
  return end(isDone ? 'done' : 'later', merges);
}

/** Runs work on a repository that no other node has then. @returns undefined when others had it until the deadline, or it is gone */
async function claimed<T>(
  ctx: AppContext,
  repoId: string,
  deadline: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    if (await claimRepository(ctx.db, repoId)) {
      try {
        return await withLease(ctx, repoId, work);
      } catch (error) {
        if (!(error instanceof ExchangeRefused)) throw error;
      } finally {
        await releaseMaintenance(ctx.db, repoId);
      }
    }
    if (performance.now() > deadline || !(await allExist(ctx.db, [repoId]))) return undefined;
    await sleep(PAUSE_MS);
  }
}
