import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { findRepositoryById, visibleRepository } from '../repos/index.js';
import { type AppContextOf, type AppEnv, check, ok, paging, signedWrite } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { checkReason, STARS_PER_PAGE, starBody, unstarBody } from './schemas.js';
import { starRepository } from './star.js';
import { findStarrers } from './store.js';
import { unstarRepository } from './unstar.js';

/** SDKs write the colon of `:star` as it is or percent-encoded; to the router a bare colon would be a parameter. */
const COLON = '(?::|%3[Aa])';

/** The spellings of an action's path below a repository: `stars/:star`, `stars/star`, `stars:star`. */
function spellings(action: string): string[] {
  return [`/:repoId/stars/:action{${COLON}?${action}}`, `/:repoId/:action{stars${COLON}${action}}`];
}

/** To be mounted at /v1/repos, before the repos room. */
export function starRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const path of spellings('star')) app.post(path, (c) => star(c, ctx, repoIdOf(c)));
  for (const path of spellings('unstar')) app.post(path, (c) => unstar(c, ctx, repoIdOf(c)));

  app.get('/:repoId/stars', async (c) => {
    const repoId = c.req.param('repoId');
    const page = paging(new URL(c.req.url).searchParams, { perPage: STARS_PER_PAGE, max: STARS_PER_PAGE });
    const repo = await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    const starredBy = (await findStarrers(ctx.db, repoId, page)).map((starrer) => ({
      ...starrer,
      starredAt: starrer.starredAt.toISOString(),
    }));
    return ok(c, { repoId, starCount: repo.stars, starredBy });
  });
  return app;
}

/** Paths made at run time carry no types. */
function repoIdOf(c: AppContextOf): string {
  return c.req.param('repoId') ?? '';
}

function star(c: AppContextOf, ctx: AppContext, repoId: string): Promise<Response> {
  const rule = {
    actions: ['star'],
    ids: { repoId },
    flatBody: ({ reason, reasonPublic }: JsonObject) => ({
      repoId,
      reason: reason ?? null,
      reasonPublic: reasonPublic ?? false,
    }),
  };
  return signedWrite(c, ctx, rule, (call) => {
    const input = check(starBody, call.body);
    checkReason(input.reason);
    return (tx) => starRepository(tx, call, repoId, input);
  });
}

function unstar(c: AppContextOf, ctx: AppContext, repoId: string): Promise<Response> {
  const rule = { actions: ['unstar'], ids: { repoId }, flatBody: () => ({ repoId }) };
  return signedWrite(c, ctx, rule, (call) => {
    check(unstarBody, call.body);
    return (tx) => unstarRepository(tx, call, repoId);
  });
}
