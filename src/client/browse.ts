/** Reading a repository without git. */
import { AccessCalls } from './access.js';
import type { BranchView, CommitView, ContentsView, TreeView } from './browse-views.js';
import { at } from './caller.js';

export class BrowseCalls extends AccessCalls {
  async listBranches(repoId: string): Promise<BranchView[]> {
    return (await this.read<{ branches: BranchView[] }>(repoId, at`/v1/repos/${repoId}/branches`)).branches;
  }

  /** Commits of a branch in the order of `git log`. @param page `limit` is 50 by default and at most 100 */
  async listCommits(
    repoId: string,
    page: { branch?: string; limit?: number; offset?: number } = {},
  ): Promise<CommitView[]> {
    return (await this.read<{ commits: CommitView[] }>(repoId, at`/v1/repos/${repoId}/commits`, page)).commits;
  }

  /** One folder. @param ref branch, tag or commit; default: the default branch */
  listTree(repoId: string, place: { path?: string; ref?: string } = {}): Promise<TreeView> {
    return this.read(repoId, at`/v1/repos/${repoId}/tree`, place);
  }

  /** One file. */
  readContents(repoId: string, path: string, ref?: string): Promise<ContentsView> {
    const file = path.split('/').map(encodeURIComponent).join('/');
    return this.read(repoId, `${at`/v1/repos/${repoId}/contents/`}${file}`, { ref });
  }
}
