/** SQL of packs whose push never committed. They are found by their `staged_packs` row, never by listing the store. */
import type { Database, Tx } from '../db/index.js';

export interface AbandonedPack {
  repoId: string;
  hash: string;
}

/** Rows looked at in one round. */
const BATCH = 100;

/**
 * Packs staged more than `hours` ago without loose objects beside them, locked until the transaction ends. `visible` tells
 * that a row reads these files: the repository's own, or one of a fork.
 */
export async function lockAbandonedPacks(tx: Tx, hours: number): Promise<(AbandonedPack & { visible: boolean })[]> {
  const rows = await tx.sql<(AbandonedPack & { visible: boolean })[]>`
    SELECT s.repo_id AS "repoId", s.hash,
           EXISTS (SELECT 1 FROM packs p WHERE p.hash = s.hash
                   AND (p.repo_id = s.repo_id AND p.stored_in IS NULL OR p.stored_in = s.repo_id)) AS visible
    FROM staged_packs s WHERE length(s.hash) = 40 AND s.started_at < now() - make_interval(hours => ${hours})
      AND coalesce(length(s.loose), 0) = 0
    ORDER BY s.repo_id, s.hash LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`;
  return [...rows];
}

/** Packs staged more than `hours` ago with loose objects beside them, oldest first. */
export async function abandonedWithLoose(
  db: Database,
  hours: number,
): Promise<(AbandonedPack & { loose: Uint8Array })[]> {
  const rows = await db.sql<(AbandonedPack & { loose: Uint8Array })[]>`
    SELECT repo_id AS "repoId", hash, loose FROM staged_packs
    WHERE length(hash) = 40 AND started_at < now() - make_interval(hours => ${hours}) AND length(loose) > 0
    ORDER BY started_at LIMIT ${BATCH}`;
  return [...rows];
}

/**
 * Takes one of them until the transaction ends. Call it after holdLoose: pushes take the two locks in this order.
 * @returns undefined when it is in other hands, was staged again or is gone
 */
export async function lockAbandonedPack(
  tx: Tx,
  { repoId, hash }: AbandonedPack,
  hours: number,
): Promise<{ visible: boolean } | undefined> {
  const rows = await tx.sql<{ visible: boolean }[]>`
    SELECT EXISTS (SELECT 1 FROM packs p WHERE p.hash = s.hash
                   AND (p.repo_id = s.repo_id AND p.stored_in IS NULL OR p.stored_in = s.repo_id)) AS visible
    FROM staged_packs s WHERE s.repo_id = ${repoId} AND s.hash = ${hash}
      AND s.started_at < now() - make_interval(hours => ${hours}) FOR UPDATE SKIP LOCKED`;
  return rows[0];
}
