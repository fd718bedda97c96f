import type { AppContext } from '../context.js';
import { listRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import type { BranchView } from './schemas.js';

const PREFIX = 'refs/heads/';

/** Every branch in git's order; a default branch that is not born yet is not among them. */
export async function listBranches(ctx: AppContext, repo: Repository): Promise<{ branches: BranchView[] }> {
  const refs = await listRefs(ctx, repo.repoId, repo.refsVersion);
  const branches = refs
    .filter((ref) => ref.name.startsWith(PREFIX))
    .map((ref) => ({ name: ref.name.slice(PREFIX.length), oid: ref.oid }));
  return { branches: branches.map((branch) => ({ ...branch, isDefault: branch.name === repo.defaultBranch })) };
}
