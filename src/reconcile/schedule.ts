/** Runs the checks: each round by one node of all, when it is due; or all of a check at once for an operator. */
import type { AppContext } from '../context.js';
import type { Check, CheckType, Drift } from './contract.js';
import { pullState } from './pull-state.js';
import { refConsistency } from './ref-consistency.js';
import { reportDrift } from './report.js';
import { starCount } from './star-count.js';
import { storageComparison } from './storage-comparison.js';
import { storageScrub } from './storage-scrub.js';
import { claimRound, finishRound, selectDue } from './store.js';

export const CHECKS: readonly Check[] = [starCount, pullState, refConsistency, storageComparison, storageScrub];

/** What a pass of a check found, in the words of the audit log. */
export interface CheckResult {
  check_type: CheckType;
  started_at: string;
  completed_at: string;
  drifts_found: Record<string, unknown>[];
  items_checked: number;
  /** How many of the drifts were put right. */
  fixed: number;
}

/**
 * Runs the rounds that are due and that no other node has taken.
 * @returns how many drifts were found
 */
export async function reconcileDue(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let found = 0;
  const planned = CHECKS.map((check) => {
    const interval = { checkType: check.type, everySecs: check.everySecs(ctx.config), pauseSecs: check.pauseSecs };
    return { check, interval };
  }).filter(({ interval }) => interval.everySecs > 0);
  const due = await selectDue(
    ctx.db,
    planned.map(({ interval }) => interval),
  );
  for (const { check, interval } of planned) {
    if (!due.has(check.type) || stop.aborted) continue;
    const claim = await claimRound(ctx.db, interval);
    if (claim === undefined) continue;
    let cursor = claim.cursor;
    try {
      const round = await check.run(ctx, claim.cursor, stop);
      for (const drift of round.drifts) await reportDrift(ctx, check, drift, ctx.config.RECONCILE_AUTO_FIX);
      cursor = round.cursor;
      found += round.drifts.length;
    } catch (error) {
      ctx.log.warn({ check: check.type, err: error }, 'a reconciliation check failed, will be tried again');
    } finally {
      await finishRound(ctx.db, check.type, claim, cursor);
    }
  }
  return found;
}

/** Runs one check over everything, now, beside the schedule. */
export async function reconcileNow(
  ctx: AppContext,
  check: Check,
  { fix, stop }: { fix: boolean; stop: AbortSignal },
): Promise<CheckResult> {
  const startedAt = await ctx.db.now();
  const found: Drift[] = [];
  let [checked, fixed, cursor] = [0, 0, ''];
  do {
    const round = await check.run(ctx, cursor, stop);
    for (const drift of round.drifts) {
      found.push(drift);
      if (await reportDrift(ctx, check, drift, fix)) fixed += 1;
    }
    checked += round.itemsChecked;
    // A round without progress could go on for ever; an interrupted one ends the pass.
    if (stop.aborted || round.cursor === cursor) break;
    cursor = round.cursor;
  } while (cursor !== '');
  return {
    check_type: check.type,
    started_at: startedAt.toISOString(),
    completed_at: (await ctx.db.now()).toISOString(),
    drifts_found: found.map(({ kind, detail }) => ({ [kind]: detail })),
    items_checked: checked,
    fixed,
  };
}
