import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { type AppEnv, ok, wholeNumber } from '../routing/index.js';
import { listTrending } from './list.js';
import { DEFAULT_LIMIT, MAX_LIMIT } from './schemas.js';
import { parseWindow } from './window.js';

/** To be mounted at /v1/repos, before the repos room. */
export function trendingRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/trending', async (c) => {
    const query = new URL(c.req.url).searchParams;
    const window = parseWindow(query.get('window'));
    const limit = wholeNumber(query, 'limit', { fallback: DEFAULT_LIMIT, min: 1, max: MAX_LIMIT });
    return ok(c, await listTrending(ctx.db, window, limit));
  });
  return app;
}
