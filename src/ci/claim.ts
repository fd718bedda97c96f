/** Taking the next run, and dealing with those that nobody should run any more. */
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { lockPull, setCiStatus } from '../pulls/index.js';
import { cancelRun, completeRun, SYSTEM } from './create-run.js';
import {
  type Candidate,
  type ClaimedRun,
  findUnservedRuns,
  isAnyWaiting,
  lockCandidate,
  takeLease,
} from './lease-store.js';
import { lockRun } from './store.js';

/** A run whose runners die one after the other is likely to be what kills them. */
const MAX_CLAIMS = 5;

/** Takes the run that waits longest. Any number of runners may ask at once; each run goes to one of them. */
export async function claimRun(ctx: AppContext, runnerId: string): Promise<ClaimedRun | undefined> {
  while (await isAnyWaiting(ctx.db)) {
    const taken = await ctx.db.transaction(async (tx) => {
      const candidate = await lockCandidate(tx);
      return candidate && ((await takeOrEnd(tx, candidate, runnerId)) ?? 'next');
    });
    if (taken !== 'next') return taken;
  }
  return undefined;
}

async function takeOrEnd(tx: Tx, candidate: Candidate, runnerId: string): Promise<ClaimedRun | undefined> {
  const { outdated, ...run } = candidate;
  const fence = await takeLease(tx, run.runId, runnerId);
  if (fence === undefined) return undefined;
  if (outdated) await cancelRun(tx, run, SYSTEM, 'superseded');
  else if (fence > MAX_CLAIMS) {
    const logs = `The run was given up: its runner ended in the middle of it ${MAX_CLAIMS} times.\n`;
    await completeRun(tx, run, 'failed', { logs, logKey: null });
  } else {
    await setCiStatus(tx, run.prId, run.commitSha, 'running');
    return { ...run, fence };
  }
  return undefined;
}

/** How long a run waits for a runner when none is alive, seconds. */
const UNSERVED_SECS = 60;

/**
 * Fails runs that no runner will ever take, so that their pull requests do not wait in silence.
 * @param reason whole sentences for the log: what is missing
 * @returns how many there were
 */
export async function failUnserved(ctx: AppContext, reason: string, afterSecs = UNSERVED_SECS): Promise<number> {
  const unserved = await findUnservedRuns(ctx.db, afterSecs);
  for (const { runId, prId, repoId } of unserved) {
    await ctx.db.transaction(async (tx) => {
      await lockPull(tx, repoId, prId);
      const run = await lockRun(tx, prId, runId);
      if (run?.status !== 'pending') return;
      await completeRun(tx, run, 'failed', { logs: `The run was not started. ${reason}\n`, logKey: null });
    });
  }
  return unserved.length;
}
