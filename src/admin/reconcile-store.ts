/** SQL that compares repositories with what is stored. */
import type { Queryable, Tx } from '../db/index.js';

export async function selectConnection(
  { sql }: Queryable,
  repoId: string,
): Promise<{ exists: boolean; hasPacks: boolean; isShared: boolean; isLeaving: boolean }> {
  const [row] = await sql<{ exists: boolean; hasPacks: boolean; isShared: boolean; isLeaving: boolean }[]>`
    SELECT EXISTS (SELECT FROM repositories WHERE repo_id = ${repoId}) AS exists,
      EXISTS (SELECT FROM packs WHERE repo_id = ${repoId} AND coalesce(stored_in, repo_id) = repo_id
        AND state = 'active') AS "hasPacks",
      EXISTS (SELECT FROM packs WHERE stored_in = ${repoId}) AS "isShared",
      EXISTS (SELECT FROM staged_packs WHERE repo_id = ${repoId} AND hash IN ('take-over', 'remove', 'condemned')) AS "isLeaving"`;
  if (row === undefined) throw new Error('a select without a table returned no row');
  return row;
}

/** Of the names, those that no repository has, whose packs no fork uses, and that are not on their way out already. */
export async function selectUnknown({ sql }: Queryable, names: readonly string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM unnest(${[...names]}::text[]) AS n(name)
    WHERE NOT EXISTS (SELECT FROM repositories r WHERE r.repo_id = n.name)
      AND NOT EXISTS (SELECT FROM packs p WHERE p.stored_in = n.name)
      AND NOT EXISTS (SELECT FROM staged_packs s WHERE s.repo_id = n.name AND s.hash IN ('take-over', 'remove', 'condemned'))`;
  return rows.map((row) => row.name);
}

export interface KnownRepository {
  repoId: string;
  name: string;
  ownerId: string;
  ownerName: string;
  visibility: 'public' | 'private';
  createdAt: Date;
}

/** Repositories with packs of their own, `limit` after `after` in id order. */
export async function selectWithPacks({ sql }: Queryable, after: string, limit: number): Promise<KnownRepository[]> {
  return sql<KnownRepository[]>`
    SELECT r.repo_id AS "repoId", r.name, r.owner_id AS "ownerId", a.agent_name AS "ownerName", r.visibility,
      r.created_at AS "createdAt"
    FROM repositories r JOIN agents a ON a.agent_id = r.owner_id
    WHERE r.repo_id > ${after} AND EXISTS (
      SELECT FROM packs p WHERE p.repo_id = r.repo_id AND coalesce(p.stored_in, p.repo_id) = p.repo_id
        AND p.state = 'active')
    ORDER BY r.repo_id LIMIT ${limit}`;
}

/** Makes operators who work on one disconnected repository take turns. */
export async function lockRepositoryId(tx: Tx, repoId: string): Promise<void> {
  await tx.sql`SELECT pg_advisory_xact_lock(hashtextextended(${`admin:${repoId}`}, 0))`;
}

/**
 * Gives the refs of a repository that came back a version that none of its earlier lives had, so that no node takes
 * refs it remembers from then for the current ones.
 */
export async function startRefsVersion(tx: Tx, repoId: string): Promise<void> {
  await tx.sql`
    UPDATE repositories SET refs_version = floor(extract(epoch FROM now()) * 1000)::int8 WHERE repo_id = ${repoId}`;
}
