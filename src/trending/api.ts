import type { RouteDescription } from '../routing/index.js';
import { trendingData, trendingQuery } from './schemas.js';

export const trendingApi: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/repos/trending',
    operationId: 'listTrending',
    tag: 'Trending',
    summary: 'Public repositories by the weight of their stars within a window',
    auth: 'open',
    query: trendingQuery,
    status: 200,
    data: trendingData,
    errors: ['INVALID_WINDOW', 'INVALID_PAGINATION'],
  },
];
