import { requireRole } from '../access/index.js';
import type { Queryable } from '../db/index.js';
import { AppError } from '../errors.js';
import { findRepositoryById, type Repository } from '../repos/index.js';
import { findPull, type Pull } from './store.js';

/** The repository, for a signer who may read it. @throws AppError REPO_NOT_FOUND, ACCESS_DENIED */
export async function readableRepository(db: Queryable, repoId: string, agentId: string): Promise<Repository> {
  const repo = await findRepositoryById(db, repoId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  await requireRole(db, repo, agentId, 'read');
  return repo;
}

/** @throws AppError PR_NOT_FOUND, also when the pull request belongs to another repository */
export async function existingPull(db: Queryable, repoId: string, prId: string): Promise<Pull> {
  return found(await findPull(db, repoId, prId), prId);
}

/** @throws AppError PR_NOT_FOUND */
export function found(pull: Pull | undefined, prId: string): Pull {
  if (pull === undefined) throw new AppError('PR_NOT_FOUND', { details: { prId } });
  return pull;
}

/** Merged and closed are final. @throws AppError ALREADY_MERGED, PR_CLOSED */
export function assertOpen({ prId, status }: Pull): void {
  if (status === 'merged') throw new AppError('ALREADY_MERGED', { details: { prId } });
  if (status === 'closed') throw new AppError('PR_CLOSED', { details: { prId } });
}
