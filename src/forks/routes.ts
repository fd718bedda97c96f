import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { type AppEnv, baseUrl, check, signedWrite } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { forkRepository } from './fork.js';
import { forkBody } from './schemas.js';

/** To be mounted at /v1/repos. */
export function forkRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.post('/:repoId/fork', (c) => {
    const repoId = c.req.param('repoId');
    const base = baseUrl(ctx, c);
    const rule = {
      actions: ['repo_fork'],
      ids: { repoId },
      flatBody: ({ name, visibility }: JsonObject) => ({ repoId, name: name ?? null, visibility: visibility ?? null }),
    };
    return signedWrite(c, ctx, rule, (call) => {
      const input = check(forkBody, call.body);
      return (tx) => forkRepository(tx, call, { sourceId: repoId, input }, base);
    });
  });

  return app;
}
