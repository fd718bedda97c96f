import { effectiveRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { condemnPrefix, forgetSnapshot, isBeingUnpacked } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { forgetRefs } from '../refs/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { deleteRepositoryRow, lockRepository, type Repository } from './store.js';

/** Unpacking a pack of usual size takes moments. */
const UNPACK_RETRY_SECS = 5;

/**
 * Deletes a repository for its owner.
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED for everyone but the owner, MIGRATION_IN_PROGRESS
 */
export async function deleteForOwner(tx: Tx, call: SignedCall, repoId: string): Promise<WorkResult> {
  const repo = await lockRepository(tx, repoId);
  const { agentId } = call.principal;
  if (repo.ownerId !== agentId) {
    const currentRole = (await effectiveRole(tx, repo, agentId)) ?? null;
    throw new AppError('ACCESS_DENIED', {
      message: 'Only the owner of a repository may delete it.',
      details: { repoId, requiredRole: 'owner', currentRole },
    });
  }
  await removeRepository(tx, repo);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'repo_delete',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, repo_name: repo.name, visibility: repo.visibility, default_branch: repo.defaultBranch },
  });
  return { status: 200, data: { repoId, action: 'deleted' } };
}

/**
 * Removes a locked repository: its rows now, its stored objects by the job that finds the note this leaves (see
 * catalog/removal.ts). A push in flight is not waited for: it is refused at its commit, and what it has stored goes with
 * the job's second round.
 * @throws AppError MIGRATION_IN_PROGRESS while a node stores its objects loose
 */
export async function removeRepository(tx: Tx, { repoId }: Pick<Repository, 'repoId'>): Promise<void> {
  if (await isBeingUnpacked(tx, repoId)) {
    throw new AppError('MIGRATION_IN_PROGRESS', {
      message: 'The objects of the repository are being unpacked; try again shortly.',
      details: { repoId },
      retryAfter: UNPACK_RETRY_SECS,
    });
  }
  await condemnPrefix(tx, repoId);
  await deleteRepositoryRow(tx, repoId);
}

/** Drops what this node keeps of a deleted repository. Other nodes ask the database before they serve from a cache. */
export async function forgetRepository(ctx: AppContext, repoId: string): Promise<void> {
  forgetRefs(ctx, repoId);
  forgetSnapshot(ctx, repoId);
  await ctx.packCache.forget(repoId);
}
