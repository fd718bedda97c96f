/** SQL of the repos room. */
import { and, desc, eq, inArray, or, sql } from 'drizzle-orm';
import { agents, type Queryable, repoAccess, repoStarCounts, repositories, type Tx } from '../db/index.js';
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
  stars: number;
  createdAt: Date;
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
  stars: sql<number>`coalesce(${repoStarCounts.stars}, 0)`,
  createdAt: repositories.createdAt,
};

function select(db: Queryable) {
  return db.orm
    .select(COLUMNS)
    .from(repositories)
    .innerJoin(agents, eq(agents.agentId, repositories.ownerId))
    .leftJoin(repoStarCounts, eq(repoStarCounts.repoId, repositories.repoId));
}

export async function findRepositoryById(db: Queryable, repoId: string): Promise<Repository | undefined> {
  if (!isStorable(repoId)) return undefined;
  return (await select(db).where(eq(repositories.repoId, repoId)))[0];
}

/**
 * @param owner name or id of the owner; a name wins over an equal id
 * @param name without `.git`
 */
export async function findRepositoryByName(
  db: Queryable,
  owner: string,
  name: string,
): Promise<Repository | undefined> {
  if (!isStorable(owner, 128) || !isStorable(name, 256)) return undefined;
  const rows = await select(db)
    .where(and(eq(repositories.name, name), or(eq(agents.agentName, owner), eq(agents.agentId, owner))))
    .orderBy(desc(eq(agents.agentName, owner)))
    .limit(1);
  return rows[0];
}

/** Newest first. @param onlyPublic true for what anybody may see */
export async function findRepositoriesOf(db: Queryable, ownerId: string, onlyPublic: boolean): Promise<Repository[]> {
  const mine = eq(repositories.ownerId, ownerId);
  return select(db)
    .where(onlyPublic ? and(mine, eq(repositories.visibility, 'public')) : mine)
    .orderBy(desc(repositories.createdAt), desc(repositories.repoId));
}

/** The public ones of these repositories, in the order of the ids. */
export async function findPublicRepositories(db: Queryable, repoIds: readonly string[]): Promise<Repository[]> {
  if (repoIds.length === 0) return [];
  const rows = await select(db).where(
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
