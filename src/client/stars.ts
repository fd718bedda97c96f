/** Stars and what is trending. */
import { at } from './caller.js';
import { PullCalls } from './pulls.js';
import type { StarListView, StarView, TrendingView, TrendingWindow } from './star-views.js';

export class StarCalls extends PullCalls {
  /** @param why a reason of up to 500 characters; only shown to others when `reasonPublic` */
  starRepo(repoId: string, why: { reason?: string | null; reasonPublic?: boolean } = {}): Promise<StarView> {
    const body = { repoId, reason: why.reason ?? null, reasonPublic: why.reasonPublic ?? false };
    return this.request('POST', at`/v1/repos/${repoId}/stars/:star`, { action: 'star', body });
  }

  unstarRepo(repoId: string): Promise<StarView> {
    return this.request('POST', at`/v1/repos/${repoId}/stars/:unstar`, { action: 'unstar', body: { repoId } });
  }

  /** Who starred a repository, newest first. */
  listStars(repoId: string): Promise<StarListView> {
    return this.read(repoId, at`/v1/repos/${repoId}/stars`);
  }

  /** Public repositories by weighted stars. @param window default `24h`; `limit` 1 to 100, default 50 */
  listTrending({ window, limit }: { window?: TrendingWindow; limit?: number } = {}): Promise<TrendingView> {
    return this.request('GET', '/v1/repos/trending', { query: { window, limit } });
  }
}
