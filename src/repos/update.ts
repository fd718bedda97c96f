import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { branchExists } from '../refs/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { refuseTakenName } from './create.js';
import type { UpdateInput } from './schemas.js';
import { findRepositoryById, lockRepository, type Repository, updateRepository } from './store.js';
import { repositoryView } from './view.js';

/**
 * Changes the settings of a repository. Its id, and so its storage and everything that names it by id, stays.
 * @param base of the clone URL
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, REPO_EXISTS, BRANCH_NOT_FOUND, CONFLICT for a fork that may not
 * become public
 */
export async function changeRepository(
  tx: Tx,
  call: SignedCall,
  { repoId, changes }: { repoId: string; changes: UpdateInput },
  base: string,
): Promise<WorkResult> {
  const before = await lockRepository(tx, repoId);
  await requireRole(tx, before, call.principal.agentId, 'admin', 'ADMIN_REQUIRED');
  await checkBranch(tx, before, changes.defaultBranch);
  if (changes.visibility === 'public') await checkPublication(tx, before);
  await updateRepository(tx, repoId, changes).catch((error: unknown) =>
    refuseTakenName(error, changes.name ?? before.name),
  );
  const after = { ...before, ...changes };
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'repo_update',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, ...facts(after), previous: facts(before) },
  });
  return { status: 200, data: repositoryView(after, base) };
}

/** The default branch counts as existing, also while it is unborn; any other must be there. */
async function checkBranch(tx: Tx, repo: Repository, branch: string | undefined): Promise<void> {
  if (branch === undefined || branch === repo.defaultBranch || (await branchExists(tx, repo.repoId, branch))) return;
  throw new AppError('BRANCH_NOT_FOUND', { details: { branch } });
}

/**
 * Whoever may read a private repository may fork it, and must not be able to publish it that way. A source that is gone
 * cannot be asked any more, so its private forks stay private.
 */
async function checkPublication(tx: Tx, repo: Repository): Promise<void> {
  if (repo.visibility === 'public' || repo.forkedFrom === null) return;
  const source = await findRepositoryById(tx, repo.forkedFrom);
  if (source?.visibility === 'public' || source?.ownerId === repo.ownerId) return;
  throw new AppError('CONFLICT', {
    message: 'A fork of a repository that is not public stays private.',
    details: { repoId: repo.repoId, forkedFrom: repo.forkedFrom },
  });
}

function facts({ name, description, visibility, defaultBranch, pushCertPolicy }: Repository) {
  return {
    repo_name: name,
    description,
    visibility,
    default_branch: defaultBranch,
    push_cert_policy: pushCertPolicy,
  };
}
