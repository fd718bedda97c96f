/** The descriptions of every route, as the rooms give them. */
import { accessApi } from '../access/index.js';
import { adminApi } from '../admin/index.js';
import { agentsApi } from '../agents/index.js';
import { browseApi } from '../browse/index.js';
import { certificatesApi } from '../certificates/index.js';
import { ciApi } from '../ci/index.js';
import { eventsApi } from '../events/index.js';
import { forksApi } from '../forks/index.js';
import { protectionApi } from '../protection/index.js';
import { pullsApi } from '../pulls/index.js';
import { reposApi } from '../repos/index.js';
import { reviewsApi } from '../reviews/index.js';
import type { RouteDescription } from '../routing/index.js';
import { starsApi } from '../stars/index.js';
import { trendingApi } from '../trending/index.js';
import { webhooksApi } from '../webhooks/index.js';
import { httpApi } from './api.js';
import { jsonGitApi } from './git/index.js';
import { openApiApi } from './openapi/index.js';

export const api: readonly RouteDescription[] = [
  ...agentsApi,
  ...reposApi,
  ...accessApi,
  ...protectionApi,
  ...forksApi,
  ...certificatesApi,
  ...browseApi,
  ...pullsApi,
  ...reviewsApi,
  ...ciApi,
  ...starsApi,
  ...trendingApi,
  ...webhooksApi,
  ...eventsApi,
  ...httpApi,
  ...jsonGitApi,
  ...adminApi,
  ...openApiApi,
];
