/** Who may do what with a repository: public read is everyone's, the owner may do everything, others have a role. */
import { AppError } from '../errors.js';

export const ROLES = ['read', 'write', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What must be known of a repository to decide about access. */
export interface Guarded {
  repoId: string;
  ownerId: string;
  visibility: 'public' | 'private';
}

/** True when `held` includes `required`. */
export function includesRole(held: Role | undefined, required: Role): boolean {
  return held !== undefined && ROLES.indexOf(held) >= ROLES.indexOf(required);
}

/** The effective role, given what `repo_access` holds for the agent (undefined = no row). */
export function decideRole(repo: Guarded, agentId: string | undefined, granted: Role | undefined): Role | undefined {
  if (agentId !== undefined && agentId === repo.ownerId) return 'admin';
  return granted ?? (repo.visibility === 'public' ? 'read' : undefined);
}

/** What a refusal says: management routes speak of ADMIN_REQUIRED, all others of ACCESS_DENIED. */
export type DenialCode = 'ACCESS_DENIED' | 'ADMIN_REQUIRED';

/** @throws AppError `code` with details `{repoId, requiredRole, currentRole}` unless `held` includes `required` */
export function assertRole(
  repo: Guarded,
  held: Role | undefined,
  required: Role,
  code: DenialCode = 'ACCESS_DENIED',
): Role {
  if (held !== undefined && includesRole(held, required)) return held;
  throw new AppError(code, { details: { repoId: repo.repoId, requiredRole: required, currentRole: held ?? null } });
}
