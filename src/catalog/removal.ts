/**
 * Notes about storage of deleted repositories, in `staged_packs` like all storage that no row of `packs` speaks for.
 *
 * Where other rows hold the hash of a pack, these hold the step that is due:
 * - `take-over`: forks still read packs from here, which must be copied to one of them first;
 * - `remove`: everything below the prefix may go;
 * - `condemned`: went, or is no longer read by new requests; goes (again) after a day, because a push or a clone that
 *   began before the deletion may still write or read here.
 * Nothing is ever found by listing the store.
 */
import type { Database, Tx } from '../db/index.js';

export type RemovalStep = 'take-over' | 'remove' | 'condemned';

/** Longer than any push or clone may take. */
export const ABANDONED_AFTER_HOURS = 24;

/** How long a node may work on one pack before another one does the same step again, which does no harm, seconds. */
const REMOVAL_LEASE_SECS = 300;

/** Notes that the repository's storage is to be removed. Call it in the transaction that deletes the repository's row. */
export async function condemnPrefix(tx: Tx, repoId: string): Promise<void> {
  await tx.sql`
    INSERT INTO staged_packs (repo_id, hash, started_at)
    SELECT ${repoId}, CASE WHEN EXISTS (SELECT 1 FROM packs WHERE stored_in = ${repoId}) THEN 'take-over' ELSE 'remove' END,
      'epoch'::timestamptz
    ON CONFLICT (repo_id, hash) DO UPDATE SET started_at = excluded.started_at`;
}

/**
 * Takes a step that is due and not in another node's hands. An operator may have made a repository of the storage again:
 * that one is left alone.
 */
export async function claimRemoval(db: Database): Promise<{ repoId: string; step: RemovalStep } | undefined> {
  const rows = await db.sql<{ repo_id: string; step: RemovalStep }[]>`
    UPDATE staged_packs SET started_at = now() WHERE (repo_id, hash) = (
      SELECT repo_id, hash FROM staged_packs
      WHERE (hash IN ('take-over', 'remove') AND started_at < now() - make_interval(secs => ${REMOVAL_LEASE_SECS})
          OR hash = 'condemned' AND started_at < now() - make_interval(hours => ${ABANDONED_AFTER_HOURS}))
        AND NOT EXISTS (SELECT 1 FROM repositories r WHERE r.repo_id = staged_packs.repo_id)
      ORDER BY started_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING repo_id, hash AS step`;
  const row = rows[0];
  return row && { repoId: row.repo_id, step: row.step };
}

/** Renews the lease of a step that takes long. */
export async function renewRemoval(db: Database, repoId: string, step: RemovalStep): Promise<void> {
  await db.sql`UPDATE staged_packs SET started_at = now() WHERE repo_id = ${repoId} AND hash = ${step}`;
}

/** Gives a step back after a failure, so that it is tried again soon. */
export async function releaseRemoval(
  db: Database,
  repoId: string,
  step: RemovalStep,
  retryInSecs: number,
): Promise<void> {
  const lease = step === 'condemned' ? ABANDONED_AFTER_HOURS * 3600 : REMOVAL_LEASE_SECS;
  await db.sql`
    UPDATE staged_packs SET started_at = now() - make_interval(secs => ${lease - retryInSecs})
    WHERE repo_id = ${repoId} AND hash = ${step}`;
}

/** Moves a finished step on: to `condemned`, or, after that one, away. */
export async function finishRemoval(db: Database, repoId: string, step: RemovalStep): Promise<void> {
  if (step === 'condemned') await db.sql`DELETE FROM staged_packs WHERE repo_id = ${repoId} AND hash = ${step}`;
  else {
    await db.sql`
      WITH done AS (DELETE FROM staged_packs WHERE repo_id = ${repoId} AND hash = ${step} RETURNING repo_id)
      INSERT INTO staged_packs (repo_id, hash, started_at) SELECT repo_id, 'condemned', now() FROM done
      ON CONFLICT (repo_id, hash) DO UPDATE SET started_at = excluded.started_at`;
  }
}

/** How many deleted repositories still have a step due now, for operators and tests. */
export async function pendingRemovals(db: Database): Promise<number> {
  const rows = await db.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM staged_packs WHERE hash IN ('take-over', 'remove')`;
  return rows[0]?.count ?? 0;
}
