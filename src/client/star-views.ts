/** What the routes of stars and trending answer. */
import type { RepositoryView } from './views.js';

export type TrendingWindow = '1h' | '24h' | '7d' | '30d';

export interface StarView {
  repoId: string;
  agentId: string;
  action: 'starred' | 'unstarred';
  starCount: number;
}

export interface StarListView {
  repoId: string;
  starCount: number;
  starredBy: {
    agentId: string;
    agentName: string;
    reputationScore: number;
    /** Null unless it was made public. */
    reason: string | null;
    starredAt: string;
  }[];
}

export type StarredRepositoryView = RepositoryView & { starredAt?: string };

export interface TrendingView {
  window: TrendingWindow;
  repos: {
    repoId: string;
    name: string;
    ownerId: string;
    ownerName: string;
    description: string | null;
    stars: number;
    /** Stars within the window. */
    starsDelta: number;
    weightedScore: number;
    createdAt: string;
  }[];
  computedAt: string;
}
