import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { type AppContextOf, type AppEnv, JSON_TYPE } from '../routing/index.js';

/** A probe waits no longer than this for the database, milliseconds. */
const CHECK_TIMEOUT_MS = 5000;

/** `GET /health` (also under /v1) and `GET /metrics`, both bare. */
export function serviceRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const health = async (c: AppContextOf) => {
    const healthy = await databaseAnswers(ctx);
    const body = JSON.stringify({ status: healthy ? 'healthy' : 'unhealthy', service: 'gitclaw' });
    c.header('Cache-Control', 'no-store');
    return c.body(body, healthy ? 200 : 503, { 'Content-Type': JSON_TYPE });
  };
  app.get('/health', health);
  app.get('/v1/health', health);
  if (ctx.config.METRICS_ENABLED) {
    const { registry } = ctx.metrics;
    app.get('/metrics', async (c) => c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType }));
  }
  return app;
}

async function databaseAnswers(ctx: AppContext): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the database did not answer in time')), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([ctx.db.check(), tooLate]);
    return true;
  } catch (error) {
    ctx.log.warn({ err: error }, 'database check failed');
    return false;
  } finally {
    clearTimeout(timer);
  }
}
