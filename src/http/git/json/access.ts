import { requireRole } from '../../../access/index.js';
import type { AppContext } from '../../../context.js';
import { AppError } from '../../../errors.js';
import type { Repository } from '../../../repos/index.js';
import { findRepository, type RepositoryNames } from '../target.js';

/** The repository a JSON request names. Whether the caller may use it is asked later, once the caller is known. */
export interface JsonTarget {
  repo: Repository | undefined;
  /** What a signature may call it. */
  repoId: string;
  names: RepositoryNames;
}

export async function findTarget(ctx: AppContext, names: RepositoryNames): Promise<JsonTarget> {
  const repo = await findRepository(ctx, names);
  return { repo, names, repoId: repo?.repoId ?? ('repoId' in names ? names.repoId : `${names.owner}/${names.name}`) };
}

/** @throws AppError REPO_NOT_FOUND, ACCESS_DENIED */
export async function requireAccess(
  ctx: AppContext,
  { repo, names }: JsonTarget,
  agentId: string,
  role: 'read' | 'write',
): Promise<Repository> {
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { ...names } });
  await requireRole(ctx.db, repo, agentId, role);
  return repo;
}
