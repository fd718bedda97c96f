/** SQL of the repos room. */
import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import {
  agents,
  asDatabaseError,
  type PushCertPolicy,
  type Queryable,
  repoAccess,
  repoStarCounts,
  repositories,
  type Tx,
} from '../db/index.js';
import { AppError } from '../errors.js';
import { isStorable } from '../routing/index.js';

export interface Repository {
  repoId: string;
  name: string;
  ownerId: string;
  ownerName: string;
  description: string | null;
  visibility: 'public' | 'private';
  defaultBranch: string;
  /** Raised by every committed ref change. */
  refsVersion: number;
  /** Versions of its packs; see the catalog's snapshots. */
  packsVersion: number;
  collectedVersion: number;
  stars: number;
  createdAt: Date;
  /** The repository this one was forked from, which may be gone. */
  forkedFrom: string | null;
  pushCertPolicy: PushCertPolicy;
}

const COLUMNS = {
  repoId: repositories.repoId,
  name: repositories.name,
  ownerId: repositories.ownerId,
  ownerName: agents.agentName,
  description: repositories.description,
  visibility: repositories.visibility,
  defaultBranch: repositories.defaultBranch,
  refsVersion: repositories.refsVersion,
  packsVersion: repositories.packsVersion,
  collectedVersion: repositories.collectedVersion,
  stars: sql<number>`coalesce(${repoStarCounts.stars}, 0)`,
  createdAt: repositories.createdAt,
  forkedFrom: repositories.forkedFrom,
  pushCertPolicy: repositories.pushCertPolicy,
};

/** Repositories with the names of their owners. @param extra columns beside those of {@link Repository} */
export function selectRepositories<E extends Record<string, SQL> = Record<never, never>>(
  db: Queryable,
  extra: E = {} as E,
) {
  return db.orm
    .select({ ...COLUMNS, ...extra })
    .from(repositories)
    .innerJoin(agents, eq(agents.agentId, repositories.ownerId))
    .leftJoin(repoStarCounts, eq(repoStarCounts.repoId, repositories.repoId));
}

export async function findRepositoryById(db: Pick<Queryable, 'sql'>, repoId: string): Promise<Repository | undefined> {
  if (!isStorable(repoId)) return undefined;
  const [row] = await answer(db.sql<Repository[]>`SELECT ${columns(db)} WHERE r.repo_id = ${repoId}`);
  return row;
}

/**
 * @param owner name or id of the owner; a name wins over an equal id
 * @param name without `.git`
 */
export async function findRepositoryByName(
  db: Pick<Queryable, 'sql'>,
  owner: string,
  name: string,
): Promise<Repository | undefined> {
  if (!isStorable(owner, 128) || !isStorable(name, 256)) return undefined;
  const [row] = await answer(db.sql<Repository[]>`
    SELECT ${columns(db)} WHERE r.name = ${name} AND (a.agent_name = ${owner} OR a.agent_id = ${owner})
    ORDER BY a.agent_name = ${owner} DESC LIMIT 1`);
  return row;
}

/** These queries are behind nearly every request; put together by drizzle each time they would cost more than they do. */
function columns({ sql }: Pick<Queryable, 'sql'>) {
  return sql`r.repo_id AS "repoId", r.name, r.owner_id AS "ownerId", a.agent_name AS "ownerName", r.description,
      r.visibility, r.default_branch AS "defaultBranch", r.refs_version AS "refsVersion",
      r.packs_version AS "packsVersion", r.collected_version AS "collectedVersion",
      coalesce(c.stars, 0) AS stars, r.created_at AS "createdAt", r.forked_from AS "forkedFrom",
      r.push_cert_policy AS "pushCertPolicy"
    FROM repositories r JOIN agents a ON a.agent_id = r.owner_id LEFT JOIN repo_star_counts c ON c.repo_id = r.repo_id`;
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/**
 * The repository, locked until the transaction ends: against deletion, other changes of its settings, and pushes that have
 * not begun to move refs. Take it before any other lock.
 * @param strength `share` lets pushes go on up to their commit and suffices for whoever only reads refs and packs
 * @throws AppError REPO_NOT_FOUND
 */
export async function lockRepository(
  tx: Tx,
  repoId: string,
  strength: 'update' | 'share' = 'update',
): Promise<Repository> {
  const locked = isStorable(repoId)
    ? await tx.orm
        .select({ repoId: repositories.repoId })
        .from(repositories)
        .where(eq(repositories.repoId, repoId))
        .for(strength)
    : [];
  // Read in a second statement, because the first may have waited and would join what it saw before.
  const repo = locked.length === 0 ? undefined : await findRepositoryById(tx, repoId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  return repo;
}

/** Newest first. @param onlyPublic true for what anybody may see */
export async function findRepositoriesOf(db: Queryable, ownerId: string, onlyPublic: boolean): Promise<Repository[]> {
  const mine = eq(repositories.ownerId, ownerId);
  return selectRepositories(db)
    .where(onlyPublic ? and(mine, eq(repositories.visibility, 'public')) : mine)
    .orderBy(desc(repositories.createdAt), desc(repositories.repoId));
}

/** The public ones of these repositories, in the order of the ids. */
export async function findPublicRepositories(db: Queryable, repoIds: readonly string[]): Promise<Repository[]> {
  if (repoIds.length === 0) return [];
  const rows = await selectRepositories(db).where(
    and(inArray(repositories.repoId, [...repoIds]), eq(repositories.visibility, 'public')),
  );
  const byId = new Map(rows.map((row) => [row.repoId, row]));
  return repoIds.flatMap((repoId) => byId.get(repoId) ?? []);
}

export interface NewRepository {
  repoId: string;
  ownerId: string;
  name: string;
  description: string | null;
  visibility: 'public' | 'private';
  /** For forks. */
  forkedFrom?: string;
  defaultBranch?: string;
}

/** The repository with what hangs on it: star count 0 and the owner as admin. Fails on the unique owner and name. */
export async function insertRepository(
  tx: Tx,
  row: NewRepository,
): Promise<{ createdAt: Date; defaultBranch: string }> {
  const [created] = await tx.orm
    .insert(repositories)
    .values(row)
    .returning({ createdAt: repositories.createdAt, defaultBranch: repositories.defaultBranch });
  if (created === undefined) throw new Error('an insert returned no row');
  const { repoId, ownerId } = row;
  await Promise.all([
    tx.orm.insert(repoStarCounts).values({ repoId }),
    tx.orm.insert(repoAccess).values({ repoId, agentId: ownerId, role: 'admin' }),
  ]);
  return created;
}

/** What may be changed of a repository; undefined = stays. */
export interface RepositoryChanges {
  name?: string | undefined;
  description?: string | null | undefined;
  visibility?: 'public' | 'private' | undefined;
  defaultBranch?: string | undefined;
  pushCertPolicy?: PushCertPolicy | undefined;
}

/** Fails on the unique owner and name. */
export async function updateRepository(tx: Tx, repoId: string, changes: RepositoryChanges): Promise<void> {
  await tx.orm.update(repositories).set(changes).where(eq(repositories.repoId, repoId));
}

/** The row and everything that hangs on it; audit rows, push events and star events stay. */
export async function deleteRepositoryRow(tx: Tx, repoId: string): Promise<void> {
  await tx.orm.delete(repositories).where(eq(repositories.repoId, repoId));
}
