import type { Queryable } from '../db/index.js';
import { assertRole, type DenialCode, decideRole, type Guarded, type Role } from './role.js';
import { grantedRole } from './store.js';

/** The role of an agent (undefined = nobody in particular), or undefined for no access. At most one query. */
export async function effectiveRole(
  db: Queryable,
  repo: Guarded,
  agentId: string | undefined,
): Promise<Role | undefined> {
  if (agentId === undefined || agentId === repo.ownerId) return decideRole(repo, agentId, undefined);
  return decideRole(repo, agentId, await grantedRole(db, repo.repoId, agentId));
}

/**
 * @returns the role the agent really has
 * @throws AppError ACCESS_DENIED (or `code`) with details `{repoId, requiredRole, currentRole}`
 */
export async function requireRole(
  db: Queryable,
  repo: Guarded,
  agentId: string | undefined,
  required: Role,
  code?: DenialCode,
): Promise<Role> {
  return assertRole(repo, await effectiveRole(db, repo, agentId), required, code);
}
