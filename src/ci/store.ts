/** SQL of runs: creating, finding and ending them. What runners do with them is in lease-store.ts. */
import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { asDatabaseError, ciRuns, type Queryable, type Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';
import { isStorable } from '../routing/index.js';
import type { FinalStatus, Run } from './run.js';

/** Postgres channel that tells of runs that wait or were cancelled; the payload is the run's id. */
export const CI_CHANNEL = 'gitclaw_ci';

const COLUMNS = {
  runId: ciRuns.runId,
  prId: ciRuns.prId,
  repoId: ciRuns.repoId,
  commitSha: ciRuns.commitSha,
  status: ciRuns.status,
  startedAt: ciRuns.startedAt,
  completedAt: ciRuns.completedAt,
};

const STORED = { ...COLUMNS, config: ciRuns.config, logs: ciRuns.logs, logKey: ciRuns.logKey, fence: ciRuns.fence };

/** A run with what is kept for its steps and its log. */
export interface StoredRun extends Run {
  /** As parsed, or `{}` when it could not be. */
  config: unknown;
  logs: string;
  logKey: string | null;
  fence: number;
}

/** Newest first. */
export async function findRuns(db: Queryable, prId: string, limit: number): Promise<Run[]> {
  return db.orm
    .select(COLUMNS)
    .from(ciRuns)
    .where(eq(ciRuns.prId, prId))
    .orderBy(...NEWEST_FIRST)
    .limit(limit);
}

const NEWEST_FIRST = [desc(ciRuns.startedAt), desc(ciRuns.runId)];

export async function findRun(db: Queryable, prId: string, runId: string): Promise<StoredRun | undefined> {
  if (!isStorable(runId)) return undefined;
  const rows = await db.orm.select(STORED).from(ciRuns).where(ofPull(prId, runId));
  return rows[0];
}

export async function findNewestRun(db: Queryable, prId: string): Promise<StoredRun | undefined> {
  const rows = await db.orm
    .select(STORED)
    .from(ciRuns)
    .where(eq(ciRuns.prId, prId))
    .orderBy(...NEWEST_FIRST)
    .limit(1);
  return rows[0];
}

/** A run, locked until the transaction ends. Lock its pull request before. */
export async function lockRun(tx: Tx, prId: string, runId: string): Promise<StoredRun | undefined> {
  const rows = await tx.orm.select(STORED).from(ciRuns).where(ofPull(prId, runId)).for('update');
  return rows[0];
}

function ofPull(prId: string, runId: string): SQL | undefined {
  return and(eq(ciRuns.runId, runId), eq(ciRuns.prId, prId));
}

/** The run of a pull request that has not ended; there is one at most. */
export async function lockActiveRun(tx: Tx, prId: string): Promise<(Run & { headOid: Oid | null }) | undefined> {
  const rows = await tx.orm
    .select({ ...COLUMNS, headOid: ciRuns.headOid })
    .from(ciRuns)
    .where(and(eq(ciRuns.prId, prId), inArray(ciRuns.status, ['pending', 'running'])))
    .for('update');
  return rows[0];
}

export interface NewRun {
  runId: string;
  prId: string;
  repoId: string;
  commitSha: Oid;
  headOid: Oid | null;
  config: unknown;
}

export async function insertRun(tx: Tx, run: NewRun): Promise<void> {
  await tx.orm.insert(ciRuns).values(run);
}

/** Ends a run; whoever has a lease on it has lost it. @returns when */
export async function endRun(
  tx: Tx,
  runId: string,
  status: FinalStatus,
  log?: { logs: string; logKey: string | null },
): Promise<Date> {
  const completedAt = await tx.now();
  await tx.orm
    .update(ciRuns)
    .set({ status, completedAt, leasedBy: null, leaseUntil: null, ...log })
    .where(eq(ciRuns.runId, runId));
  return completedAt;
}

/** Tells runners of a run once the transaction is committed. */
export async function announceRun(tx: Tx, runId: string): Promise<void> {
  await tx.sql`SELECT pg_notify(${CI_CHANNEL}, ${runId})`;
}

/** An open pull request whose head has no run although it should. */
export interface RunlessPull {
  prId: string;
  headOid: Oid;
}

/** Pull requests of a repository that wait for a run that nobody has created yet, or have one of an older head. */
export async function findRunless(db: Queryable, repoId: string): Promise<RunlessPull[]> {
  try {
    return await db.sql<RunlessPull[]>`
      SELECT p.pr_id AS "prId", p.head_oid AS "headOid" FROM pull_requests p
      WHERE p.repo_id = ${repoId} AND p.status = 'open' AND p.ci_status = 'pending' AND p.head_oid IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM ci_runs r WHERE r.pr_id = p.pr_id AND r.head_oid = p.head_oid
          AND r.status IN ('pending', 'running'))
      ORDER BY p.number`;
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/** Deletes what followers of ended runs have read by now. @returns how many chunks went */
export async function deleteOldChunks(db: Queryable, keepMinutes: number): Promise<number> {
  const rows = await db.orm.execute(sql`
    DELETE FROM ci_log_chunks c USING ci_runs r
    WHERE r.run_id = c.run_id AND r.completed_at < now() - make_interval(mins => ${keepMinutes})`);
  return rows.count;
}

/** Runs that have not ended. */
export async function countOpenRuns({ sql: query }: Queryable): Promise<{ pending: number; running: number }> {
  try {
    const [row] = await query<[{ pending: number; running: number }]>`
      SELECT count(*) FILTER (WHERE status = 'pending') AS pending, count(*) FILTER (WHERE status = 'running') AS running
      FROM ci_runs WHERE status IN ('pending', 'running')`;
    return row;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
