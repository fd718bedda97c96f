import { Hono } from 'hono';
import { auditKey, getPublicAudit, listPublicAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { type AppEnv, ok, readCursor, writeCursor } from '../routing/index.js';

/** `GET /v1/audit` and `GET /v1/audit/{eventId}`, open. */
export function auditRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/', async (c) => {
    const query = new URL(c.req.url).searchParams;
    const { next, ...page } = await listPublicAudit(ctx, query, readCursor(query, auditKey));
    return ok(c, { ...page, nextCursor: next && writeCursor(next) });
  });
  app.get('/:eventId', async (c) => ok(c, await getPublicAudit(ctx, c.req.param('eventId'))));
  return app;
}
