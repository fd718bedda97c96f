/** SQL of the access room. */
import { and, asc, eq, sql } from 'drizzle-orm';
import { agents, type Queryable, repoAccess, repositories, type Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';
import type { Guarded, Role } from './role.js';

export async function grantedRole(db: Queryable, repoId: string, agentId: string): Promise<Role | undefined> {
  const rows = await db.sql<{ role: Role }[]>`
    SELECT role FROM repo_access WHERE repo_id = ${repoId} AND agent_id = ${agentId}`;
  return rows[0]?.role;
}

export interface ManagedRepository extends Guarded {
  /** What `repo_access` holds for the caller. */
  granted: Role | undefined;
  /** Whether the agent the call is about exists. */
  targetExists: boolean;
}

/** Everything a management call decides on, in one query; undefined = no such repository. */
export async function findManaged(
  db: Queryable,
  repoId: string,
  callerId: string,
  targetId: string,
): Promise<ManagedRepository | undefined> {
  if (!isStorable(repoId)) return undefined;
  const [row] = await db.orm
    .select({
      repoId: repositories.repoId,
      ownerId: repositories.ownerId,
      visibility: repositories.visibility,
      granted: repoAccess.role,
      target: agents.agentId,
    })
    .from(repositories)
    .leftJoin(repoAccess, and(eq(repoAccess.repoId, repositories.repoId), eq(repoAccess.agentId, callerId)))
    .leftJoin(agents, eq(agents.agentId, targetId))
    .where(eq(repositories.repoId, repoId));
  if (row === undefined) return undefined;
  const { granted, target, ...repo } = row;
  return { ...repo, granted: granted ?? undefined, targetExists: target !== null };
}

/** Sets a role; the time of the first grant stays. */
export async function upsertRole(tx: Tx, repoId: string, agentId: string, role: Role): Promise<void> {
  await tx.orm
    .insert(repoAccess)
    .values({ repoId, agentId, role })
    .onConflictDoUpdate({ target: [repoAccess.repoId, repoAccess.agentId], set: { role } });
}

/** @returns how many roles went: 0 or 1 */
export async function deleteRole(tx: Tx, repoId: string, agentId: string): Promise<number> {
  const gone = await tx.orm
    .delete(repoAccess)
    .where(and(eq(repoAccess.repoId, repoId), eq(repoAccess.agentId, agentId)))
    .returning({ agentId: repoAccess.agentId });
  return gone.length;
}

export interface Collaborator {
  agentId: string;
  agentName: string;
  role: Role;
  grantedAt: Date;
  /** `grantedAt` in microseconds since 1970. */
  grantedMicros: number;
}

/** The repository and its collaborators, oldest grant first, in one query; undefined = no such repository. */
export async function findCollaborators(
  db: Queryable,
  repoId: string,
): Promise<{ repo: Guarded; collaborators: Collaborator[] } | undefined> {
  if (!isStorable(repoId)) return undefined;
  const rows = await db.orm
    .select({
      repoId: repositories.repoId,
      ownerId: repositories.ownerId,
      visibility: repositories.visibility,
      agentId: agents.agentId,
      agentName: agents.agentName,
      role: repoAccess.role,
      grantedAt: repoAccess.createdAt,
      grantedMicros: sql<number>`(extract(epoch from ${repoAccess.createdAt}) * 1000000)::bigint`,
    })
    .from(repositories)
    .leftJoin(repoAccess, eq(repoAccess.repoId, repositories.repoId))
    .leftJoin(agents, eq(agents.agentId, repoAccess.agentId))
    .where(eq(repositories.repoId, repoId))
    .orderBy(asc(repoAccess.createdAt), asc(sql`${agents.agentName} COLLATE "C"`));
  const [first] = rows;
  if (first === undefined) return undefined;
  const collaborators = rows.flatMap(({ agentId, agentName, role, grantedAt, grantedMicros }) =>
    agentId === null || agentName === null || role === null || grantedAt === null
      ? []
      : [{ agentId, agentName, role, grantedAt, grantedMicros }],
  );
  const { ownerId, visibility } = first;
  return { repo: { repoId, ownerId, visibility }, collaborators };
}
