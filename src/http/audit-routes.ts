import { Hono } from 'hono';
import { getPublicAudit, listPublicAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { type AppEnv, ok } from '../routing/index.js';

/** `GET /v1/audit` and `GET /v1/audit/{eventId}`, open. */
export function auditRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/', async (c) => ok(c, await listPublicAudit(ctx, new URL(c.req.url).searchParams)));
  app.get('/:eventId', async (c) => ok(c, await getPublicAudit(ctx, c.req.param('eventId'))));
  return app;
}
