/** SQL of the reconciliation room: rounds, what was reported already, and what the checks compare. */
import { asDatabaseError, type Queryable, type Tx } from '../db/index.js';
import type { Drift } from './contract.js';
import { driftJson } from './contract.js';

/** A round takes minutes; a node that died in one is replaced after this time. */
const LEASE_SECS = 900;
/** Unchanged drift is written to the audit log once in this time. */
const REPEAT_HOURS = 24;

export interface Claim {
  cursor: string;
  /** Tells whether the round is still this node's when it ends. */
  startedAt: Date;
}

export interface Interval {
  checkType: string;
  /** From the start of one pass to the next, and from round to round within a pass. */
  everySecs: number;
  pauseSecs: number;
}

/** Of the checks, those that {@link claimRound} may find due: asking for all of them costs one look. */
export async function selectDue(db: Queryable, checks: readonly Interval[]): Promise<Set<string>> {
  const rows = await answer(db.sql<{ checkType: string }[]>`
    SELECT "checkType"
    FROM jsonb_to_recordset(${JSON.stringify(checks)}::jsonb)
      AS asked("checkType" text, "everySecs" int, "pauseSecs" int)
    LEFT JOIN reconciliation_checks c ON c.check_type = "checkType"
    WHERE c.check_type IS NULL OR c.started_at <=
      now() - make_interval(secs => CASE WHEN c.cursor = '' THEN "everySecs" ELSE "pauseSecs" END)`);
  return new Set(rows.map(({ checkType }) => checkType));
}

/**
 * Takes the next round of a check when it is due and no other node is at it. A check that nobody knows yet is due an
 * interval from now: nodes have better to do at their first start.
 */
export async function claimRound(
  db: Queryable,
  { checkType, everySecs, pauseSecs }: Interval,
): Promise<Claim | undefined> {
  const [row] = await answer(db.sql<Claim[]>`
    WITH known AS (
      INSERT INTO reconciliation_checks (check_type) VALUES (${checkType}) ON CONFLICT (check_type) DO NOTHING)
    UPDATE reconciliation_checks SET started_at = date_trunc('milliseconds', now()),
      lease_until = now() + make_interval(secs => ${LEASE_SECS})
    WHERE check_type = ${checkType} AND (lease_until IS NULL OR lease_until < now())
      AND started_at <= now() - make_interval(secs => CASE WHEN cursor = '' THEN ${everySecs}::int ELSE ${pauseSecs}::int END)
    RETURNING cursor, started_at AS "startedAt"`);
  return row;
}

/** Ends a round; nothing happens when another node has taken it over. */
export async function finishRound(db: Queryable, checkType: string, claim: Claim, cursor: string): Promise<void> {
  await answer(db.sql`
    UPDATE reconciliation_checks SET lease_until = NULL, cursor = ${cursor}
    WHERE check_type = ${checkType} AND started_at = ${claim.startedAt}::timestamptz`);
}

/** Whether the audit log holds this very drift from the last day. */
export async function wasReported(tx: Tx, drift: Drift): Promise<boolean> {
  const { type, id } = drift.resource;
  const rows = await tx.sql`
    SELECT 1 FROM audit_log WHERE resource_type = ${type} AND resource_id = ${id} AND action = 'drift_detected'
      AND timestamp > now() - make_interval(hours => ${REPEAT_HOURS})
      AND data->'drift' = ${JSON.stringify(driftJson(drift))}::jsonb LIMIT 1`;
  return rows.length > 0;
}

export interface InconsistentPull {
  prId: string;
  repoId: string;
  status: string;
  hasMergedAt: boolean;
}

export async function selectInconsistentPulls(
  db: Queryable,
  limit: number,
): Promise<{ pulls: InconsistentPull[]; total: number }> {
  const pulls = await answer(db.sql<InconsistentPull[]>`
    SELECT pr_id AS "prId", repo_id AS "repoId", status, merged_at IS NOT NULL AS "hasMergedAt" FROM pull_requests
    WHERE (status = 'merged') <> (merged_at IS NOT NULL) ORDER BY pr_id LIMIT ${limit}`);
  const [row] = await answer(db.sql<[{ count: number }]>`SELECT count(*) AS count FROM pull_requests`);
  return { pulls: [...pulls], total: row.count };
}

/** Ids of repositories behind `after`, in order. */
export async function selectRepositoryIds(db: Queryable, after: string, limit: number): Promise<string[]> {
  const rows = await answer(db.sql<{ repo_id: string }[]>`
    SELECT repo_id FROM repositories WHERE repo_id > ${after} ORDER BY repo_id LIMIT ${limit}`);
  return rows.map((row) => row.repo_id);
}

/** Of the names, those that are neither a repository nor hold packs of one, and are not on their way out. */
export async function selectStrangers(db: Queryable, names: readonly string[]): Promise<string[]> {
  const rows = await answer(db.sql<{ name: string }[]>`
    SELECT name FROM unnest(${[...names]}::text[]) AS n(name)
    WHERE NOT EXISTS (SELECT FROM repositories r WHERE r.repo_id = n.name)
      AND NOT EXISTS (SELECT FROM packs p WHERE p.stored_in = n.name)
      AND NOT EXISTS (SELECT FROM staged_packs s WHERE s.repo_id = n.name)`);
  return rows.map((row) => row.name);
}

export interface CatalogPack {
  hash: string;
  bytes: number;
  /** False when no request reads it any more. */
  active: boolean;
}

/** Every pack whose files lie, or may lie for a while, below the prefix of a repository. */
export async function selectCatalog(db: Queryable, repoId: string): Promise<Map<string, CatalogPack>> {
  const rows = await answer(db.sql<CatalogPack[]>`
    SELECT hash, bytes, state = 'active' AS active FROM packs
      WHERE repo_id = ${repoId} AND stored_in IS NULL OR stored_in = ${repoId}
    UNION ALL SELECT hash, 0, false FROM staged_packs WHERE repo_id = ${repoId}`);
  const known = new Map<string, CatalogPack>();
  for (const row of rows) if (row.active || !known.has(row.hash)) known.set(row.hash, row);
  return known;
}

export interface ScrubPack {
  repoId: string;
  hash: string;
  bytes: number;
  objects: number;
  /** Whether every object is stored loose too. */
  unpacked: boolean;
}

/** The next active pack that a repository holds itself, behind `after` in order of repository and hash. */
export async function selectScrubPack(
  db: Queryable,
  after: { repoId: string; hash: string },
): Promise<ScrubPack | undefined> {
  const [row] = await answer(db.sql<ScrubPack[]>`
    SELECT repo_id AS "repoId", hash, bytes, objects, unpacked_at IS NOT NULL AS unpacked FROM packs
    WHERE (repo_id, hash) > (${after.repoId}, ${after.hash}) AND stored_in IS NULL AND state = 'active'
    ORDER BY repo_id, hash LIMIT 1`);
  return row;
}

/** Whether a pack is still in use. */
export async function isActive(db: Queryable, repoId: string, hash: string): Promise<boolean> {
  const rows = await answer(db.sql`
    SELECT 1 FROM packs WHERE (repo_id = ${repoId} AND stored_in IS NULL OR stored_in = ${repoId}) AND hash = ${hash}
      AND state = 'active' LIMIT 1`);
  return rows.length > 0;
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
