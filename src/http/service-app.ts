/** What a process answers that serves no agents: whether it is well, and its measurements. */
import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import type { AppEnv } from '../routing/index.js';
import { errorHandler } from './error-handler.js';
import { serviceRoutes } from './health/index.js';
import { observe } from './middleware/observe.js';
import { requestId } from './middleware/request-id.js';
import { answerUnmatched } from './not-found.js';

/** `/health`, `/health/live`, `/health/ready` and `/metrics` as a node has them, and nothing else. */
export function createServiceApp(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError(errorHandler(ctx));
  app.use(
    requestId(),
    observe(ctx, () => undefined),
  );
  app.route('/', serviceRoutes(ctx));
  answerUnmatched(app);
  return app;
}
