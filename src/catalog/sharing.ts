/**
 * Packs shared between a repository and its forks. A row of a fork names in `stored_in` the repository under whose prefix
 * the files lie; that is always the one that really holds them, so a fork of a fork needs no chain to be followed.
 */
import type { Database, Tx } from '../db/index.js';

/**
 * Lets a new repository read the packs of another. Their objects stay loose where they are, so there is nothing to unpack.
 * The rows are locked against {@link handOver}: it either sees the new ones in its next round or is seen by them.
 * @param sourceId locked at least FOR SHARE
 * @returns how many packs are shared
 */
export async function sharePacks(tx: Tx, sourceId: string, repoId: string): Promise<number> {
  const { count } = await tx.sql`
    INSERT INTO packs (repo_id, hash, stored_in, bytes, objects, tight, tips, segment, unpack_next, unpacked_at)
    SELECT ${repoId}, hash, coalesce(stored_in, repo_id), bytes, objects, tight, tips, segment, objects, now()
    FROM packs WHERE repo_id = ${sourceId} AND state = 'active' ORDER BY seq, part FOR SHARE`;
  return count;
}

/** A pack that forks read from a repository, and the oldest of these forks. */
export interface SharedPack {
  hash: string;
  heirId: string;
}

/** The next pack that other repositories read from the prefix of this one. */
export async function nextSharedPack(db: Database, repoId: string): Promise<SharedPack | undefined> {
  const rows = await db.sql<SharedPack[]>`
    SELECT hash, repo_id AS "heirId" FROM packs WHERE stored_in = ${repoId} ORDER BY seq LIMIT 1`;
  return rows[0];
}

/**
 * Makes the heir the holder of a pack whose files were copied to its prefix: for itself, where its objects will be stored
 * loose too, and for every other fork.
 * @returns false when the heir is gone
 */
export async function handOver(tx: Tx, repoId: string, { hash, heirId }: SharedPack): Promise<boolean> {
  // The deletion of the heir locks this row too, and then looks for forks that read from it.
  const held = await tx.sql`SELECT 1 FROM repositories WHERE repo_id = ${heirId} FOR KEY SHARE`;
  if (held.length === 0) return false;
  await tx.sql`
    UPDATE packs SET stored_in = NULL, unpack_next = 0, unpacked_at = NULL, unpack_locked_at = NULL
    WHERE repo_id = ${heirId} AND hash = ${hash} AND stored_in = ${repoId}`;
  await tx.sql`UPDATE packs SET stored_in = ${heirId} WHERE stored_in = ${repoId} AND hash = ${hash}`;
  await tx.sql`DELETE FROM staged_packs WHERE repo_id = ${heirId} AND hash = ${hash}`;
  return true;
}
