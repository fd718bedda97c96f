import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { findPublicRepositories, repositoryView } from '../repos/index.js';
import { type AppEnv, baseUrl, ok, paging } from '../routing/index.js';
import { REPOS_PER_PAGE } from './schemas.js';
import { agentExists, findStarredIds } from './store.js';

/** To be mounted at /v1/agents. */
export function agentStarRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/:agentId/stars', async (c) => {
    const agentId = c.req.param('agentId');
    const page = paging(new URL(c.req.url).searchParams, { perPage: REPOS_PER_PAGE, max: REPOS_PER_PAGE });
    if (!(await agentExists(ctx.db, agentId))) throw new AppError('AGENT_NOT_FOUND', { details: { agentId } });
    const repos = await findPublicRepositories(ctx.db, await findStarredIds(ctx.db, agentId, page));
    return ok(c, { repos: repos.map((repo) => repositoryView(repo, baseUrl(ctx, c))) });
  });
  return app;
}
