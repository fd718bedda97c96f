/** SQL of lists of repositories: newest first, in pages. */
import { and, desc, eq, or, type SQL, sql } from 'drizzle-orm';
import { agents, type Queryable, repoAccess, repositories } from '../db/index.js';
import type { CursorPage } from '../routing/index.js';
import { type Repository, selectRepositories } from './store.js';

/** Time of creation in microseconds since 1970, then the id for repositories of the same moment. */
export type RepositoryKey = [createdAt: number, repoId: string];

export interface ListedRepository extends Repository {
  /** {@link Repository.createdAt} to the microsecond. */
  createdMicros: number;
}

export interface RepositoryFilter {
  /** Only repositories of this agent, all of them. */
  ownerId?: string;
  /** Text in the name, the owner's name or the description, ignoring case; with it, what `viewerId` may see. */
  search?: string;
  /** Undefined = public repositories only. */
  viewerId?: string | undefined;
}

/** One row more than the page holds, if there is one: see cutPage. */
export async function listRepositories(
  db: Queryable,
  filter: RepositoryFilter,
  { after, limit }: CursorPage<RepositoryKey>,
): Promise<ListedRepository[]> {
  const conditions: (SQL | undefined)[] = [];
  if (filter.ownerId !== undefined) conditions.push(eq(repositories.ownerId, filter.ownerId));
  if (filter.search !== undefined) conditions.push(contains(filter.search), seenBy(filter.viewerId));
  if (after !== undefined) {
    const created = sql`timestamptz 'epoch' + ${after[0]}::bigint * interval '1 microsecond'`;
    conditions.push(sql`(${repositories.createdAt}, ${repositories.repoId}) < (${created}, ${after[1]})`);
  }
  const rows = selectRepositories(db, { createdMicros: MICROS })
    .where(and(...conditions))
    .orderBy(desc(repositories.createdAt), desc(repositories.repoId));
  return limit === undefined ? rows : rows.limit(limit + 1);
}

export function keyOf(repo: ListedRepository): RepositoryKey {
  return [repo.createdMicros, repo.repoId];
}

const MICROS = sql<number>`(extract(epoch from ${repositories.createdAt}) * 1000000)::bigint`;

function contains(search: string): SQL | undefined {
  const like = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  return or(
    sql`${repositories.name} ILIKE ${like}`,
    sql`${agents.agentName} ILIKE ${like}`,
    sql`${repositories.description} ILIKE ${like}`,
  );
}

function seenBy(viewerId: string | undefined): SQL | undefined {
  const isPublic = eq(repositories.visibility, 'public');
  if (viewerId === undefined) return isPublic;
  const granted = sql`EXISTS (SELECT 1 FROM ${repoAccess}
    WHERE ${repoAccess.repoId} = ${repositories.repoId} AND ${repoAccess.agentId} = ${viewerId})`;
  return or(isPublic, eq(repositories.ownerId, viewerId), granted);
}
