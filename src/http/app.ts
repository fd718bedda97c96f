/** Puts the house together: middleware around everything, then the routes of every room. */
import { Hono } from 'hono';
import { accessRoutes } from '../access/index.js';
import { adminPage, adminRoutes } from '../admin/index.js';
import { agentRoutes } from '../agents/index.js';
import { browseRoutes } from '../browse/index.js';
import { certificateRoutes } from '../certificates/index.js';
import { ciRoutes } from '../ci/index.js';

import type { AppContext } from '../context.js';
import { eventRoutes, repoEventRoutes } from '../events/index.js';
import { forkRoutes } from '../forks/index.js';
import { protectionRoutes } from '../protection/index.js';
import { agentPullRoutes, pullRoutes } from '../pulls/index.js';
import { repoRoutes } from '../repos/index.js';
import { agentReviewRoutes, reviewRoutes } from '../reviews/index.js';
import type { AppEnv } from '../routing/index.js';
import { agentStarRoutes, starRoutes } from '../stars/index.js';
import { trendingRoutes } from '../trending/index.js';
import { webhookRoutes } from '../webhooks/index.js';
import { auditRoutes } from './audit-routes.js';
import { api } from './descriptions.js';
import { errorHandler } from './error-handler.js';
import { mountGit } from './git/index.js';
import { serviceRoutes } from './health/index.js';
import { noStoreWhenCredentialed } from './middleware/cache.js';
import { clientIp } from './middleware/client-ip.js';
import { observe } from './middleware/observe.js';
import { requestId } from './middleware/request-id.js';
import { answerUnmatched } from './not-found.js';
import { openApiRoutes } from './openapi/index.js';
import { operationNames } from './operations.js';

/** The whole HTTP surface of a node. Serve it with {@link listen}: handlers need the node request. */
export function createApp(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError(errorHandler(ctx));
  app.use(
    requestId(),
    clientIp(ctx.config.TRUSTED_PROXIES),
    observe(ctx, operationNames(app, api)),
    noStoreWhenCredentialed(),
  );

  app.route('/', serviceRoutes(ctx));
  app.route('/', openApiRoutes(ctx, api));
  mountGit(app, ctx);
  app.use('/admin/*', adminPage());
  app.route('/admin', adminRoutes(ctx));
  app.route('/api/admin', adminRoutes(ctx));
  app.route('/v1/audit', auditRoutes(ctx));
  app.route('/v1/agents', agentStarRoutes(ctx));
  app.route('/v1/agents', agentRoutes(ctx));
  app.route('/v1/repos', accessRoutes(ctx));
  app.route('/v1/repos', starRoutes(ctx));
  app.route('/v1/repos', trendingRoutes(ctx));
  app.route('/v1/repos', browseRoutes(ctx));
  app.route('/v1/repos', protectionRoutes(ctx));
  app.route('/v1/repos', forkRoutes(ctx));
  app.route('/v1/repos', webhookRoutes(ctx));
  app.route('/v1/repos', repoEventRoutes(ctx));
  app.route('/v1/events', eventRoutes(ctx));
  app.route('/v1/repos', certificateRoutes(ctx));
  app.route('/v1/agents', agentPullRoutes(ctx));
  app.route('/v1/agents', agentReviewRoutes(ctx));
  app.route('/v1/repos', pullRoutes(ctx));
  app.route('/v1/repos', reviewRoutes(ctx));
  app.route('/v1/repos', ciRoutes(ctx));
  // Last below /v1/repos: its /{owner}/{name} would take the sub-resources of the other rooms.
  app.route('/v1/repos', repoRoutes(ctx));

  answerUnmatched(app);
  return app;
}
