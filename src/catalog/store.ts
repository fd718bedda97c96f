/** SQL of the catalog: table `packs`, and `staged_packs` for packs whose push has not committed yet. */
import { createHash } from 'node:crypto';
import { commitLater, type Database, type Queryable, type Tx } from '../db/index.js';
import { together } from '../parallel.js';

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
  /** `seq` of the oldest pack that was merged into this one; its own when none was. */
  firstSeq: number;
}

/** Versions of a repository's packs, see {@link Snapshot}. */
export interface PackVersions {
  packs: number;
  collected: number;
}

/**
 * Active packs of a repository, oldest first, with its versions. While `known` is the current version, only packs from
 * `seq` on; the pack of `seq` itself then comes without its bytes: that it is there tells that the repository is still the
 * one the caller knows. Otherwise all of them; those up to `seq` without their commits.
 * @returns no versions when there is no such repository; `refsVersion` is that of the refs at the same moment
 */
export async function loadPackRows(
  db: Queryable,
  repoId: string,
  seq: number,
  known: number,
): Promise<{ versions: PackVersions | undefined; refsVersion: number; rows: PackRow[] }> {
  const rows = await db.sql<(PackRow & PackVersions & { refs: number; hash: string | null })[]>`
    SELECT r.refs_version AS refs, r.packs_version AS packs, r.collected_version AS collected, p.hash, p.seq, p.bytes, p.objects, p.tight,
      coalesce(p.stored_in, p.repo_id) AS "storedIn", coalesce(p.first_seq, p.seq) AS "firstSeq",
      CASE WHEN p.seq > ${seq} OR r.packs_version <> ${known} THEN p.tips ELSE '' END AS tips,
      CASE WHEN p.seq > ${seq} THEN p.segment ELSE '' END AS segment
    FROM repositories r LEFT JOIN packs p ON p.repo_id = r.repo_id AND p.state = 'active'
      AND (p.seq >= ${seq} OR r.packs_version <> ${known})
    WHERE r.repo_id = ${repoId} ORDER BY p.seq, p.part`;
  const [first] = rows;
  const versions = first && { packs: first.packs, collected: first.collected };
  return { versions, refsVersion: first?.refs ?? 0, rows: rows.filter((row) => row.hash !== null) };
}

/** Whether every one of these repositories exists. */
export async function allExist(db: Database, repoIds: readonly string[]): Promise<boolean> {
  const rows = await db.sql`SELECT 1 FROM repositories WHERE repo_id = ANY(${[...repoIds]}::text[])`;
  return rows.length === repoIds.length;
}

/**
 * Makes a stored pack visible, also one that was retired and came again. Call it in the transaction that moves the refs
 * and after the repository row is locked, so that packs become visible in `seq` order.
 * @param unpacked true when its objects are stored loose already
 * @returns its place in that order; undefined when it was visible already
 */
export async function insertPack(
  tx: Tx,
  repoId: string,
  pack: Omit<PackRow, 'seq' | 'firstSeq' | 'storedIn'> & { unpacked: boolean },
): Promise<number | undefined> {
  const [rows] = await together(
    tx.sql<{ seq: number }[]>`
      WITH added AS (
        INSERT INTO packs AS p (repo_id, hash, bytes, objects, tight, tips, segment, unpack_next, unpacked_at)
        VALUES (${repoId}, ${pack.hash}, ${pack.bytes}, ${pack.objects}, ${pack.tight}, ${pack.tips}, ${pack.segment},
                ${pack.unpacked ? pack.objects : 0}, CASE WHEN ${pack.unpacked} THEN now() END)
        ON CONFLICT (repo_id, hash) DO UPDATE SET state = 'active', seq = excluded.seq, first_seq = NULL, part = 0,
          retired_at = NULL, stored_in = NULL, tight = excluded.tight, tips = excluded.tips, segment = excluded.segment,
          unpack_next = excluded.unpack_next, unpacked_at = excluded.unpacked_at, unpack_locked_at = NULL
          WHERE p.state <> 'active'
        RETURNING repo_id, seq)
      INSERT INTO pack_maintenance AS m (repo_id, new_packs) SELECT repo_id, 1 FROM added
      ON CONFLICT (repo_id) DO UPDATE SET new_packs = m.new_packs + 1, changed_at = now()
      RETURNING (SELECT seq FROM added)`,
    deleteStagedPack(tx, repoId, pack.hash),
  );
  return rows[0]?.seq;
}

/**
 * Notes that files of this pack are about to be stored, so that they can be found if their push never commits.
 * Call it before anything is stored: loose objects are not deleted from a repository while a push may be writing them,
 * and this waits for deletions that are under way (see loose.ts). It does not wait for the database's disk: should the
 * database crash before the push commits, and within the second, what was stored is a leftover that no row names; a pack
 * is then told of by the comparison of catalog and store.
 * @param loose ids of the objects that will be stored loose, 20 bytes each
 */
export async function stagePack(
  db: Database,
  repoId: string,
  hash: string,
  loose: Uint8Array = new Uint8Array(),
): Promise<void> {
  // Equal packs have equal objects, so the longer of two lists is that of whoever stores any.
  await db.sql`
    INSERT INTO staged_packs AS s (repo_id, hash, started_at, loose)
    SELECT ${repoId}, ${hash}, now(), ${loose}::bytea
      FROM (SELECT pg_advisory_xact_lock_shared(${looseLock(repoId)}::int8)) AS held
    ON CONFLICT (repo_id, hash) DO UPDATE SET started_at = now(),
      loose = CASE WHEN length(excluded.loose) > 0 THEN excluded.loose ELSE s.loose END
    RETURNING ${commitLater(db)}`;
}

/** Key of the advisory lock on the loose objects of a repository. */
export function looseLock(repoId: string): string {
  return createHash('sha256').update(`loose:${repoId}`).digest().readBigInt64BE().toString();
}

export async function deleteStagedPack(tx: Tx, repoId: string, hash: string): Promise<void> {
  await tx.sql`DELETE FROM staged_packs WHERE repo_id = ${repoId} AND hash = ${hash}`;
}

/** A pack whose objects are not all stored loose yet. */
export interface UnpackTask {
  repoId: string;
  hash: string;
  objects: number;
  /** Place in the order of the file to go on from. */
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

/** Takes the oldest pack, of one repository or of all, that waits for unpacking and is not in another node's hands. */
export async function claimUnpack(db: Database, repoId?: string): Promise<UnpackTask | undefined> {
  const rows = await db.sql<{ repo_id: string; hash: string; objects: number; unpack_next: number }[]>`
    UPDATE packs SET unpack_locked_at = now() WHERE (repo_id, hash) = (
      SELECT repo_id, hash FROM packs
      WHERE unpacked_at IS NULL AND state = 'active' AND stored_in IS NULL
        AND (${repoId ?? null}::text IS NULL OR repo_id = ${repoId ?? null})
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
