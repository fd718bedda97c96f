import { requireRole } from '../../../access/index.js';
import { type GitService, gitChallenges } from '../../../auth/index.js';
import type { AppContext } from '../../../context.js';
import { AppError } from '../../../errors.js';
import type { Repository } from '../../../repos/index.js';
import type { AppContextOf } from '../../../routing/index.js';
import { findRepository, knownNames, type RepositoryNames } from '../target.js';

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

/** Runs `work`; a 401 of it tells in its headers how to prove who one is, as every 401 on a git path does. */
export async function challenging<T>(
  ctx: AppContext,
  c: AppContextOf,
  target: JsonTarget,
  service: GitService,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.status === 401) {
      const values = gitChallenges(ctx, { ...knownNames(target.repo, target.names), service });
      for (const value of values) c.header('WWW-Authenticate', value, { append: true });
    }
    throw error;
  }
}
