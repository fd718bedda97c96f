/** SQL of the catalog: table `packs`, and `staged_packs` for packs whose push has not committed yet. */
import type { Database, Tx } from '../db/index.js';

export interface PackRow {
  hash: string;
  seq: number;
  bytes: number;
  objects: number;
  tight: boolean;
  /** 20 bytes each. */
  tips: Uint8Array;
  /** Commits and tags of the pack (git/graph/segment.ts). */
  segment: Uint8Array;
  /** The repository under whose prefix the files lie: this one, or one it was forked from. */
  storedIn: string;
}

/**
 * Active packs of a repository from `seq` on, oldest first. The pack of `seq` itself comes without its bytes: that it is
 * there tells that the repository is still the one the caller knows.
 */
export async function loadPackRows(db: Database, repoId: string, seq: number): Promise<PackRow[]> {
  const rows = await db.sql<PackRow[]>`
    SELECT hash, seq, bytes, objects, tight, coalesce(stored_in, repo_id) AS "storedIn",
      CASE WHEN seq > ${seq} THEN tips ELSE '' END AS tips, CASE WHEN seq > ${seq} THEN segment ELSE '' END AS segment
    FROM packs WHERE repo_id = ${repoId} AND seq >= ${seq} AND state = 'active' ORDER BY seq`;
  return [...rows];
}

/** Whether every one of these repositories exists. */
export async function allExist(db: Database, repoIds: readonly string[]): Promise<boolean> {
  const rows = await db.sql`SELECT 1 FROM repositories WHERE repo_id = ANY(${[...repoIds]}::text[])`;
  return rows.length === repoIds.length;
}

/**
 * Makes a stored pack visible. Call it in the transaction that moves the refs and after the repository row is locked,
 * so that packs become visible in `seq` order.
 * @param unpacked true when its objects are stored loose already
 */
export async function insertPack(
  tx: Tx,
  repoId: string,
  pack: Omit<PackRow, 'seq' | 'storedIn'> & { unpacked: boolean },
): Promise<void> {
  await tx.sql`
    INSERT INTO packs (repo_id, hash, bytes, objects, tight, tips, segment, unpack_next, unpacked_at)
    VALUES (${repoId}, ${pack.hash}, ${pack.bytes}, ${pack.objects}, ${pack.tight}, ${pack.tips}, ${pack.segment},
            ${pack.unpacked ? pack.objects : 0}, CASE WHEN ${pack.unpacked} THEN now() END)
    ON CONFLICT (repo_id, hash) DO NOTHING`;
  await tx.sql`DELETE FROM staged_packs WHERE repo_id = ${repoId} AND hash = ${pack.hash}`;
}

/** Notes that files of this pack are about to be stored, so that they can be found if their push never commits. */
export async function stagePack(db: Database, repoId: string, hash: string): Promise<void> {
  await db.sql`
    INSERT INTO staged_packs (repo_id, hash, started_at) VALUES (${repoId}, ${hash}, now())
    ON CONFLICT (repo_id, hash) DO UPDATE SET started_at = now()`;
}

/**
 * Packs staged more than `hours` ago, locked until the transaction ends. `visible` tells that a row reads these files:
 * the repository's own, or one of a fork.
 */
export async function lockAbandonedPacks(
  tx: Tx,
  hours: number,
): Promise<{ repoId: string; hash: string; visible: boolean }[]> {
  const rows = await tx.sql<{ repo_id: string; hash: string; visible: boolean }[]>`
    SELECT s.repo_id, s.hash,
           EXISTS (SELECT 1 FROM packs p WHERE p.hash = s.hash
                   AND (p.repo_id = s.repo_id AND p.stored_in IS NULL OR p.stored_in = s.repo_id)) AS visible
    FROM staged_packs s WHERE length(s.hash) = 40 AND s.started_at < now() - make_interval(hours => ${hours})
    ORDER BY s.repo_id, s.hash LIMIT 100 FOR UPDATE SKIP LOCKED`;
  return rows.map((row) => ({ repoId: row.repo_id, hash: row.hash, visible: row.visible }));
}

export async function deleteStagedPack(tx: Tx, repoId: string, hash: string): Promise<void> {
  await tx.sql`DELETE FROM staged_packs WHERE repo_id = ${repoId} AND hash = ${hash}`;
}

/** A pack whose objects are not all stored loose yet. */
export interface UnpackTask {
  repoId: string;
  hash: string;
  objects: number;
  /** Position in index order to go on from. */
  next: number;
}

/** Whether a node is storing objects of the repository loose right now. */
export async function isBeingUnpacked(tx: Tx, repoId: string): Promise<boolean> {
  const rows = await tx.sql`
    SELECT 1 FROM packs WHERE repo_id = ${repoId} AND unpacked_at IS NULL
      AND unpack_locked_at > now() - make_interval(secs => ${UNPACK_LEASE_SECS}) LIMIT 1`;
  return rows.length > 0;
}

/** Longest time one node may work on a batch of an unpack before another may take over, seconds. */
const UNPACK_LEASE_SECS = 120;

/** Takes the oldest pack that waits for unpacking and is not in another node's hands. */
export async function claimUnpack(db: Database): Promise<UnpackTask | undefined> {
  const rows = await db.sql<{ repo_id: string; hash: string; objects: number; unpack_next: number }[]>`
    UPDATE packs SET unpack_locked_at = now() WHERE (repo_id, hash) = (
      SELECT repo_id, hash FROM packs
      WHERE unpacked_at IS NULL AND state = 'active' AND stored_in IS NULL
        AND (unpack_locked_at IS NULL OR unpack_locked_at < now() - make_interval(secs => ${UNPACK_LEASE_SECS}))
      ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING repo_id, hash, objects, unpack_next`;
  const row = rows[0];
  return row && { repoId: row.repo_id, hash: row.hash, objects: row.objects, next: row.unpack_next };
}

/** Records how far an unpack got, and renews the lease. @returns false when the repository was deleted meanwhile */
export async function recordUnpack(db: Database, task: UnpackTask, next: number, done: boolean): Promise<boolean> {
  const { count } = await db.sql`
    UPDATE packs SET unpack_next = GREATEST(unpack_next, ${next}),
      unpack_locked_at = CASE WHEN ${done} THEN NULL ELSE now() END,
      unpacked_at = CASE WHEN ${done} THEN now() END
    WHERE repo_id = ${task.repoId} AND hash = ${task.hash}`;
  return count > 0;
}

/** Gives a claimed pack back after a failure, so that it is tried again soon. */
export async function releaseUnpack(db: Database, task: UnpackTask, retryInSecs: number): Promise<void> {
  await db.sql`
    UPDATE packs SET unpack_locked_at = now() - make_interval(secs => ${UNPACK_LEASE_SECS - retryInSecs})
    WHERE repo_id = ${task.repoId} AND hash = ${task.hash} AND unpacked_at IS NULL`;
}

/** How many packs wait for unpacking, for `gitclaw` operators and tests. */
export async function pendingUnpacks(db: Database, repoId?: string): Promise<number> {
  const rows = await db.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM packs
    WHERE unpacked_at IS NULL AND state = 'active' AND stored_in IS NULL AND (${repoId ?? null}::text IS NULL OR repo_id = ${repoId ?? null})`;
  return rows[0]?.count ?? 0;
}
