/** SQL of the pulls room. */
import { and, desc, eq, inArray, lt, type SQL } from 'drizzle-orm';
import { agents, pullRequests, type Queryable, repositories, type Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';
import { isStorable } from '../routing/index.js';
import type { MergeStrategy, STATUSES } from './schemas.js';
import type { DiffStats } from './stats.js';

export interface Pull {
  prId: string;
  repoId: string;
  /** Counts within the repository. */
  number: number;
  authorId: string;
  authorName: string;
  sourceBranch: string;
  targetBranch: string;
  title: string;
  description: string | null;
  status: (typeof STATUSES)[number];
  ciStatus: 'pending' | 'running' | 'passed' | 'failed';
  /** Last known head of the source branch, also the value of `refs/pull/{number}/head`; null while unborn. */
  headOid: Oid | null;
  createdAt: Date;
  mergedAt: Date | null;
  mergeStrategy: MergeStrategy | null;
  mergeCommitOid: Oid | null;
  mergedDiffStats: DiffStats | null;
}

const COLUMNS = {
  prId: pullRequests.prId,
  repoId: pullRequests.repoId,
  number: pullRequests.number,
  authorId: pullRequests.authorId,
  authorName: agents.agentName,
  sourceBranch: pullRequests.sourceBranch,
  targetBranch: pullRequests.targetBranch,
  title: pullRequests.title,
  description: pullRequests.description,
  status: pullRequests.status,
  ciStatus: pullRequests.ciStatus,
  headOid: pullRequests.headOid,
  createdAt: pullRequests.createdAt,
  mergedAt: pullRequests.mergedAt,
  mergeStrategy: pullRequests.mergeStrategy,
  mergeCommitOid: pullRequests.mergeCommitOid,
  mergedDiffStats: pullRequests.mergedDiffStats,
};

function select(db: Queryable) {
  return db.orm.select(COLUMNS).from(pullRequests).innerJoin(agents, eq(agents.agentId, pullRequests.authorId));
}

/** The pull request if it belongs to the repository. */
export async function findPull(db: Queryable, repoId: string, prId: string): Promise<Pull | undefined> {
  if (!isStorable(repoId) || !isStorable(prId)) return undefined;
  const rows = await select(db).where(and(eq(pullRequests.prId, prId), eq(pullRequests.repoId, repoId)));
  return rows[0] as Pull | undefined;
}

/** {@link findPull}, locked until the transaction ends. Locked after refs and the repository row, never before. */
export async function lockPull(tx: Tx, repoId: string, prId: string): Promise<Pull | undefined> {
  const rows = await select(tx)
    .where(and(eq(pullRequests.prId, prId), eq(pullRequests.repoId, repoId)))
    .for('update', { of: pullRequests });
  return rows[0] as Pull | undefined;
}

export interface PullFilter {
  status?: Pull['status'] | undefined;
  authorId?: string | undefined;
}

function matching(repoId: string, { status, authorId }: PullFilter): SQL | undefined {
  return and(
    eq(pullRequests.repoId, repoId),
    status && eq(pullRequests.status, status),
    authorId === undefined ? undefined : eq(pullRequests.authorId, authorId),
  );
}

/** Newest first. @param before only pull requests with a smaller number */
export async function findPulls(
  db: Queryable,
  repoId: string,
  filter: PullFilter,
  { limit, offset = 0, before }: { limit: number; offset?: number; before?: number | undefined },
): Promise<Pull[]> {
  const rows = await select(db)
    .where(and(matching(repoId, filter), before === undefined ? undefined : lt(pullRequests.number, before)))
    .orderBy(desc(pullRequests.number))
    .limit(limit)
    .offset(offset);
  return rows as Pull[];
}

export function countPulls(db: Queryable, repoId: string, filter: PullFilter): Promise<number> {
  return db.orm.$count(pullRequests, matching(repoId, filter));
}

/** The newest pull requests of an agent in public repositories, with the version of the repository's refs. */
export async function findPublicPullsOf(
  db: Queryable,
  authorId: string,
  limit: number,
): Promise<{ pull: Pull; refsVersion: number }[]> {
  const rows = await db.orm
    .select({ ...COLUMNS, refsVersion: repositories.refsVersion })
    .from(pullRequests)
    .innerJoin(agents, eq(agents.agentId, pullRequests.authorId))
    .innerJoin(repositories, eq(repositories.repoId, pullRequests.repoId))
    .where(and(eq(pullRequests.authorId, authorId), eq(repositories.visibility, 'public')))
    .orderBy(desc(pullRequests.createdAt), desc(pullRequests.prId))
    .limit(limit);
  return rows.map(({ refsVersion, ...pull }) => ({ pull: pull as Pull, refsVersion }));
}

/** The next number of a repository. Locks its row, so numbers have no gaps. */
export async function nextNumber(tx: Tx, repoId: string): Promise<number> {
  const rows = await tx.sql<{ number: number }[]>`
    UPDATE repositories SET last_pull_number = last_pull_number + 1 WHERE repo_id = ${repoId}
    RETURNING last_pull_number AS number`;
  if (rows[0] === undefined) throw new Error('the repository is gone although its refs are locked');
  return rows[0].number;
}

export type NewPull = Pick<
  Pull,
  | 'prId'
  | 'repoId'
  | 'number'
  | 'authorId'
  | 'sourceBranch'
  | 'targetBranch'
  | 'title'
  | 'description'
  | 'ciStatus'
  | 'headOid'
>;

/** @returns the time of creation */
export async function insertPull(tx: Tx, pull: NewPull): Promise<Date> {
  const { prId, repoId, number, authorId, sourceBranch, targetBranch, title, description, ciStatus, headOid } = pull;
  const [created] = await tx.orm
    .insert(pullRequests)
    .values({ prId, repoId, number, authorId, sourceBranch, targetBranch, title, description, ciStatus, headOid })
    .returning({ createdAt: pullRequests.createdAt });
  if (created === undefined) throw new Error('an insert returned no row');
  return created.createdAt;
}

/** The oldest open pull request of an agent between two branches. */
export async function findOpenPull(
  tx: Tx,
  { repoId, authorId, sourceBranch, targetBranch }: Pick<Pull, 'repoId' | 'authorId' | 'sourceBranch' | 'targetBranch'>,
): Promise<{ prId: string; number: number } | undefined> {
  const [found] = await tx.orm
    .select({ prId: pullRequests.prId, number: pullRequests.number })
    .from(pullRequests)
    .where(
      and(
        openFrom(repoId, [sourceBranch]),
        eq(pullRequests.authorId, authorId),
        eq(pullRequests.targetBranch, targetBranch),
      ),
    )
    .orderBy(pullRequests.number)
    .limit(1)
    .for('update');
  return found;
}

export interface MergeRecord {
  mergedBy: string;
  mergedAt: Date;
  mergeStrategy: MergeStrategy;
  mergeCommitOid: Oid;
  mergedDiffStats: DiffStats;
}

export async function recordMerge(tx: Tx, prId: string, merge: MergeRecord): Promise<void> {
  await tx.orm
    .update(pullRequests)
    .set({ status: 'merged', ...merge })
    .where(eq(pullRequests.prId, prId));
}

export async function recordClose(tx: Tx, prId: string, closedAt: Date): Promise<void> {
  await tx.orm.update(pullRequests).set({ status: 'closed', closedAt }).where(eq(pullRequests.prId, prId));
}

/** Those of the branches that are the source of an open pull request. */
export async function sourcesAmong(db: Queryable, repoId: string, branches: readonly string[]): Promise<string[]> {
  if (branches.length === 0) return [];
  const rows = await db.sql<{ branch: string }[]>`
    SELECT DISTINCT source_branch AS branch FROM pull_requests
    WHERE repo_id = ${repoId} AND status = 'open' AND source_branch = ANY(${[...branches]}::text[])`;
  return rows.map(({ branch }) => branch);
}

/** Open pull requests from the branches, locked in order of their numbers. */
export async function lockOpenFrom(
  tx: Tx,
  repoId: string,
  branches: readonly string[],
): Promise<Pick<Pull, 'prId' | 'number' | 'sourceBranch' | 'headOid'>[]> {
  if (branches.length === 0) return [];
  // Plain SQL reaches the database in the order of the calls, which is the order of the locks.
  return tx.sql<Pick<Pull, 'prId' | 'number' | 'sourceBranch' | 'headOid'>[]>`
    SELECT pr_id AS "prId", number, source_branch AS "sourceBranch", head_oid AS "headOid" FROM pull_requests
    WHERE repo_id = ${repoId} AND status = 'open' AND source_branch = ANY(${[...branches]}::text[])
    ORDER BY number FOR UPDATE`;
}

function openFrom(repoId: string, branches: readonly string[]): SQL | undefined {
  return and(
    eq(pullRequests.repoId, repoId),
    eq(pullRequests.status, 'open'),
    inArray(pullRequests.sourceBranch, [...branches]),
  );
}

export async function setHead(
  tx: Tx,
  prIds: readonly string[],
  headOid: Oid,
  ciStatus: Pull['ciStatus'],
): Promise<void> {
  await tx.orm
    .update(pullRequests)
    .set({ headOid, ciStatus })
    .where(inArray(pullRequests.prId, [...prIds]));
}

/** Notes what CI says of a head; nothing changes when the pull request has another head by now. */
export async function setCiStatus(tx: Tx, prId: string, headOid: Oid, ciStatus: Pull['ciStatus']): Promise<void> {
  await tx.orm
    .update(pullRequests)
    .set({ ciStatus })
    .where(and(eq(pullRequests.prId, prId), eq(pullRequests.headOid, headOid), eq(pullRequests.status, 'open')));
}
