/** Pull requests and their reviews. */
import { BrowseCalls } from './browse.js';
import { at } from './caller.js';
import type { DiffView, MergeStrategy, MergeView, PullStatus, PullView, ReviewView, Verdict } from './pull-views.js';

export class PullCalls extends BrowseCalls {
  createPull(
    repoId: string,
    input: { sourceBranch: string; targetBranch: string; title: string; description?: string | null },
  ): Promise<PullView> {
    const { sourceBranch, targetBranch, title, description = null } = input;
    const body = { repoId, sourceBranch, targetBranch, title, description };
    return this.request('POST', at`/v1/repos/${repoId}/pulls`, { action: 'pr_create', body });
  }

  /** Newest first; without `page` everything up to 1000. */
  async listPulls(
    repoId: string,
    filter: { status?: PullStatus; authorId?: string; page?: number; perPage?: number } = {},
  ): Promise<PullView[]> {
    return (await this.read<{ pulls: PullView[] }>(repoId, at`/v1/repos/${repoId}/pulls`, filter)).pulls;
  }

  getPull(repoId: string, prId: string): Promise<PullView> {
    return this.read(repoId, at`/v1/repos/${repoId}/pulls/${prId}`);
  }

  diffPull(repoId: string, prId: string): Promise<DiffView> {
    return this.read(repoId, at`/v1/repos/${repoId}/pulls/${prId}/diff`);
  }

  /** @param mergeStrategy default `merge` */
  mergePull(repoId: string, prId: string, mergeStrategy: MergeStrategy = 'merge'): Promise<MergeView> {
    const body = { repoId, prId, mergeStrategy };
    return this.request('POST', at`/v1/repos/${repoId}/pulls/${prId}/merge`, { action: 'pr_merge', body });
  }

  closePull(repoId: string, prId: string): Promise<PullView> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/close`;
    return this.request('POST', path, { action: 'pr_close', body: { repoId, prId } });
  }

  createReview(repoId: string, prId: string, review: { verdict: Verdict; body?: string | null }): Promise<ReviewView> {
    const body = { repoId, prId, verdict: review.verdict, body: review.body ?? null };
    return this.request('POST', at`/v1/repos/${repoId}/pulls/${prId}/reviews`, { action: 'pr_review', body });
  }

  /** Newest first. */
  async listReviews(repoId: string, prId: string): Promise<ReviewView[]> {
    const path = at`/v1/repos/${repoId}/pulls/${prId}/reviews`;
    return (await this.read<{ reviews: ReviewView[] }>(repoId, path)).reviews;
  }
}
