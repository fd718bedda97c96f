/**
 * SQL of leases. A runner takes a run for a short time and prolongs that while it works; when it dies the time runs out
 * and another one takes the run with a higher fence number. Whatever a runner writes names its number, so one that was
 * only slow can do nothing any more once it was replaced.
 */
import { asDatabaseError, type Queryable, type Tx } from '../db/index.js';
import type { CiConfig } from './config-file.js';
import type { Run } from './run.js';

/** How long a run is believed to be worked on without a sign of life, seconds. */
export const LEASE_SECS = 15;

export interface ClaimedRun extends Pick<Run, 'runId' | 'prId' | 'repoId' | 'commitSha'> {
  config: CiConfig;
  /** Of this claim. */
  fence: number;
}

export interface Candidate extends ClaimedRun {
  /** Its pull request has another head by now, or is not open any more. */
  outdated: boolean;
}

/** Of a row `r` of `ci_runs`: nobody is at it. */
function isWaiting({ sql }: Queryable) {
  return sql`(r.status = 'pending' OR (r.status = 'running' AND r.lease_until < now()))`;
}

/** Whether {@link lockCandidate} may find something; costs less than a transaction that finds nothing. */
export async function isAnyWaiting(db: Queryable): Promise<boolean> {
  const [row] = await answer(db.sql<[{ some: boolean }]>`
    SELECT EXISTS (SELECT FROM ci_runs r WHERE ${isWaiting(db)}) AS some`);
  return row.some;
}

/**
 * The run that waits longest, with its pull request locked; those that others are about to take are skipped.
 * `fence` is that of the last claim.
 */
export async function lockCandidate(tx: Tx): Promise<Candidate | undefined> {
  const rows = await answer(tx.sql<Candidate[]>`
    SELECT r.run_id AS "runId", r.pr_id AS "prId", r.repo_id AS "repoId", r.commit_sha AS "commitSha", r.config, r.fence,
      (p.status <> 'open' OR p.head_oid IS DISTINCT FROM r.head_oid) AS outdated
    FROM ci_runs r JOIN pull_requests p ON p.pr_id = r.pr_id
    WHERE ${isWaiting(tx)}
    ORDER BY r.started_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED`);
  return rows[0];
}

/** Takes the run unless somebody was faster. @returns the fence number of this claim */
export async function takeLease(tx: Tx, runId: string, runnerId: string): Promise<number | undefined> {
  const rows = await answer(tx.sql<{ fence: number }[]>`
    UPDATE ci_runs SET status = 'running', fence = fence + 1, leased_by = ${runnerId},
      lease_until = now() + make_interval(secs => ${LEASE_SECS}),
      started_at = CASE WHEN status = 'pending' THEN now() ELSE started_at END
    WHERE run_id = ${runId} AND (status = 'pending' OR (status = 'running' AND lease_until < now()))
    RETURNING fence`);
  if (rows[0] !== undefined) await answer(tx.sql`DELETE FROM ci_step_results WHERE run_id = ${runId}`);
  return rows[0]?.fence;
}

/** Prolongs a lease. @returns whether it was still held, and whether the run is worth going on with */
export async function renewLease(
  db: Queryable,
  { runId, fence }: Pick<ClaimedRun, 'runId' | 'fence'>,
): Promise<'held' | 'outdated' | 'lost'> {
  const rows = await answer(db.sql<{ outdated: boolean }[]>`
    UPDATE ci_runs r SET lease_until = now() + make_interval(secs => ${LEASE_SECS})
    FROM pull_requests p
    WHERE r.run_id = ${runId} AND r.fence = ${fence} AND r.status = 'running' AND p.pr_id = r.pr_id
    RETURNING (p.status <> 'open' OR p.head_oid IS DISTINCT FROM r.head_oid) AS outdated`);
  if (rows[0] === undefined) return 'lost';
  return rows[0].outdated ? 'outdated' : 'held';
}

/** Gives a run back at once, for a runner that stops. It counts as never taken, except for the fence number. */
export async function returnRun(db: Queryable, { runId, fence }: Pick<ClaimedRun, 'runId' | 'fence'>): Promise<void> {
  await answer(db.sql`
    UPDATE ci_runs SET lease_until = now() - interval '1 second'
    WHERE run_id = ${runId} AND fence = ${fence} AND status = 'running'`);
}

/** Notes that a runner lives. */
export async function reportRunner(db: Queryable, runnerId: string, driver: string): Promise<void> {
  await answer(db.sql`
    INSERT INTO ci_runners (runner_id, driver) VALUES (${runnerId}, ${driver})
    ON CONFLICT (runner_id) DO UPDATE SET seen_at = now()`);
}

export async function removeRunner(db: Queryable, runnerId: string): Promise<void> {
  await answer(db.sql`DELETE FROM ci_runners WHERE runner_id = ${runnerId} OR seen_at < now() - interval '1 day'`);
}

/** Runs that wait longer than `secs` while no runner showed up in that time either. */
export async function findUnservedRuns(db: Queryable, secs: number): Promise<Pick<Run, 'runId' | 'prId' | 'repoId'>[]> {
  return answer(db.sql<Pick<Run, 'runId' | 'prId' | 'repoId'>[]>`
    SELECT run_id AS "runId", pr_id AS "prId", repo_id AS "repoId" FROM ci_runs
    WHERE status = 'pending' AND started_at < now() - make_interval(secs => ${secs})
      AND NOT EXISTS (SELECT 1 FROM ci_runners WHERE seen_at > now() - make_interval(secs => ${secs}))
    ORDER BY started_at LIMIT 100`);
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
