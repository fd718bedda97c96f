import type { Queryable } from '../db/index.js';
import { AppError } from '../errors.js';
import { assertRole, decideRole, includesRole } from './role.js';
import { findCollaborators } from './store.js';

export interface CollaboratorList {
  repoId: string;
  collaborators: { agentId: string; agentName: string; role: string; grantedAt: string }[];
}

/**
 * Everyone with a role, owner included, oldest grant first.
 * @param viewerId undefined for a caller without credentials, to whom a private repository does not exist
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED for a known caller without a role
 */
export async function listAccess(
  db: Queryable,
  repoId: string,
  viewerId: string | undefined,
): Promise<CollaboratorList> {
  const found = await findCollaborators(db, repoId);
  const missing = new AppError('REPO_NOT_FOUND', { details: { repoId } });
  if (found === undefined) throw missing;
  const { repo, collaborators } = found;
  const granted = collaborators.find(({ agentId }) => agentId === viewerId)?.role;
  const role = decideRole(repo, viewerId, granted);
  if (viewerId === undefined && !includesRole(role, 'read')) throw missing;
  assertRole(repo, role, 'read');
  return {
    repoId,
    collaborators: collaborators.map((one) => ({ ...one, grantedAt: one.grantedAt.toISOString() })),
  };
}
