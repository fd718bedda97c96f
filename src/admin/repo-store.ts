/** SQL about repositories for operators. */
import type { Queryable, Tx } from '../db/index.js';
import { isStorable, type Paging } from '../routing/index.js';

export interface RepoDetails {
  repoId: string;
  name: string;
  ownerId: string;
  ownerName: string;
  description: string | null;
  visibility: 'public' | 'private';
  defaultBranch: string;
  createdAt: Date;
  starCount: number;
  prCount: number;
  ciRunCount: number;
  /** Objects in the stored packs; one that lies in two packs counts twice. */
  objectCount: number;
  /** Bytes of the stored packs. */
  totalSizeBytes: number;
}

type Sql = Queryable['sql'];

const columns = (sql: Sql) => sql`
  r.repo_id AS "repoId", r.name, r.owner_id AS "ownerId", a.agent_name AS "ownerName", r.description, r.visibility,
  r.default_branch AS "defaultBranch", r.created_at AS "createdAt",
  coalesce((SELECT stars FROM repo_star_counts s WHERE s.repo_id = r.repo_id), 0) AS "starCount",
  (SELECT count(*) FROM pull_requests p WHERE p.repo_id = r.repo_id) AS "prCount",
  (SELECT count(*) FROM ci_runs c WHERE c.repo_id = r.repo_id) AS "ciRunCount",
  k.objects AS "objectCount", k.bytes AS "totalSizeBytes"`;

const from = (sql: Sql) => sql`
  repositories r JOIN agents a ON a.agent_id = r.owner_id
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(objects), 0)::int8 AS objects, coalesce(sum(bytes), 0)::int8 AS bytes
    FROM packs p WHERE p.repo_id = r.repo_id AND p.state = 'active') k`;

/** Repositories whose name, owner's name or id contains `search`, ignoring case, newest first, and how many. */
export async function searchRepoDetails(
  { sql }: Queryable,
  search: string,
  { perPage, offset }: Paging,
): Promise<{ rows: RepoDetails[]; total: number }> {
  const contains = (column: ReturnType<Sql>) => sql`strpos(lower(${column}), lower(${search})) > 0`;
  const matches =
    search === ''
      ? sql`true`
      : sql`(${contains(sql`r.name`)} OR ${contains(sql`a.agent_name`)} OR ${contains(sql`r.repo_id`)})`;
  const [rows, [count]] = await Promise.all([
    sql<RepoDetails[]>`
      SELECT ${columns(sql)} FROM ${from(sql)} WHERE ${matches}
      ORDER BY r.created_at DESC, r.repo_id DESC LIMIT ${perPage} OFFSET ${offset}`,
    sql<{ total: number }[]>`
      SELECT count(*) AS total FROM repositories r JOIN agents a ON a.agent_id = r.owner_id WHERE ${matches}`,
  ]);
  return { rows: [...rows], total: count?.total ?? 0 };
}

export async function findRepoDetails({ sql }: Queryable, repoId: string): Promise<RepoDetails | undefined> {
  if (!isStorable(repoId)) return undefined;
  const [row] = await sql<RepoDetails[]>`SELECT ${columns(sql)} FROM ${from(sql)} WHERE r.repo_id = ${repoId}`;
  return row;
}

/** What goes with a repository, for the audit event of its deletion. */
export async function countContents(tx: Tx, repoId: string) {
  const [row] = await tx.sql<{ stars: number; pull_requests: number; ci_runs: number; objects: number }[]>`
    SELECT (SELECT count(*) FROM repo_stars WHERE repo_id = ${repoId}) AS stars,
      (SELECT count(*) FROM pull_requests WHERE repo_id = ${repoId}) AS pull_requests,
      (SELECT count(*) FROM ci_runs WHERE repo_id = ${repoId}) AS ci_runs,
      (SELECT coalesce(sum(objects), 0)::int8 FROM packs WHERE repo_id = ${repoId} AND state = 'active') AS objects`;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return { ...row };
}
