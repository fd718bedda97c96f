import { z } from 'zod';
import type { Queryable } from '../db/index.js';
import { AppError } from '../errors.js';
import { cursorPage, cutPage, microseconds } from '../routing/index.js';
import { assertRole, decideRole, includesRole } from './role.js';
import { type Collaborator, findCollaborators } from './store.js';

export interface CollaboratorList {
  repoId: string;
  collaborators: { agentId: string; agentName: string; role: string; grantedAt: string }[];
  nextCursor: string | null;
}

/** Time of the grant, and the name for grants of the same moment. */
const cursorKey = z.tuple([microseconds, z.string()]);

const MAX_PAGE = 1000;

/**
 * Everyone with a role, owner included, oldest grant first; in pages when `limit` or `cursor` is given.
 * @param viewerId undefined for a caller without credentials, to whom a private repository does not exist
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED for a known caller without a role, INVALID_PAGINATION
 */
export async function listAccess(
  db: Queryable,
  repoId: string,
  viewerId: string | undefined,
  query: URLSearchParams,
): Promise<CollaboratorList> {
  const { after, limit } = cursorPage(query, cursorKey, { fallback: undefined, max: MAX_PAGE });
  const found = await findCollaborators(db, repoId);
  const missing = new AppError('REPO_NOT_FOUND', { details: { repoId } });
  if (found === undefined) throw missing;
  const { repo, collaborators } = found;
  const granted = collaborators.find(({ agentId }) => agentId === viewerId)?.role;
  const role = decideRole(repo, viewerId, granted);
  if (viewerId === undefined && !includesRole(role, 'read')) throw missing;
  assertRole(repo, role, 'read');
  const rest = after === undefined ? collaborators : collaborators.filter((one) => isBehind(one, after));
  const page = cutPage(rest, limit, ({ grantedMicros, agentName }) => [grantedMicros, agentName]);
  return { repoId, collaborators: page.rows.map(view), nextCursor: page.nextCursor };
}

function isBehind({ grantedMicros, agentName }: Collaborator, [at, name]: [number, string]): boolean {
  return grantedMicros > at || (grantedMicros === at && agentName > name);
}

function view({ agentId, agentName, role, grantedAt }: Collaborator): CollaboratorList['collaborators'][number] {
  return { agentId, agentName, role, grantedAt: grantedAt.toISOString() };
}
