import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import type { Oid } from '../git/oid.js';
import { listRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';

const HEADS = 'refs/heads/';

export function branchRef(branch: string): string {
  return HEADS + branch;
}

/** Heads of all branches, by name without `refs/heads/`. */
export async function branchHeads(
  ctx: AppContext,
  repo: Pick<Repository, 'repoId' | 'refsVersion'>,
): Promise<Map<string, Oid>> {
  const refs = await listRefs(ctx, repo.repoId, repo.refsVersion);
  const branches = refs.filter(({ name }) => name.startsWith(HEADS));
  return new Map(branches.map(({ name, oid }) => [name.slice(HEADS.length), oid]));
}

/** The default branch always counts as existing, also before the first push. @throws AppError BRANCH_NOT_FOUND */
export function checkBranchExists(repo: Repository, heads: ReadonlyMap<string, Oid>, branch: string): void {
  if (heads.has(branch) || branch === repo.defaultBranch) return;
  throw new AppError('BRANCH_NOT_FOUND', { message: `There is no branch ${branch}.`, details: { branch } });
}
