import { Hono } from 'hono';
import type { AppContext } from '../../context.js';
import { type AppContextOf, type AppEnv, JSON_TYPE } from '../../routing/index.js';
import { failingParts, type Part } from './checks.js';
import { asksWhetherReady } from './draining.js';

/** `GET /health` (also under /v1), `/health/live`, `/health/ready` and `/metrics`, all bare. */
export function serviceRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const health = async (c: AppContextOf) =>
    answer(c, ['healthy', 'unhealthy'], await failingParts(ctx, ['database', 'object_storage']));
  app.get('/health', health);
  app.get('/v1/health', health);
  app.get('/health/live', (c) => answer(c, ['alive', 'alive'], []));
  app.get('/health/ready', async (c) => {
    const draining: Part[] = asksWhetherReady(ctx) ? ['draining'] : [];
    const failing = await failingParts(ctx, ['database', 'object_storage', 'migrations']);
    return answer(c, ['ready', 'not_ready'], [...draining, ...failing]);
  });
  if (ctx.config.METRICS_ENABLED) {
    const { registry } = ctx.metrics;
    app.get('/metrics', async (c) => c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType }));
  }
  return app;
}

function answer(c: AppContextOf, [good, bad]: [string, string], failing: readonly Part[]): Response {
  const body = {
    status: failing.length === 0 ? good : bad,
    service: 'gitclaw',
    ...(failing.length > 0 && { failing }),
  };
  c.header('Cache-Control', 'no-store');
  return c.body(JSON.stringify(body), failing.length === 0 ? 200 : 503, { 'Content-Type': JSON_TYPE });
}
