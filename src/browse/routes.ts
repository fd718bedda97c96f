import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { findRepositoryById, type Repository, visibleRepository } from '../repos/index.js';
import { type AppContextOf, type AppEnv, ok, wholeNumber } from '../routing/index.js';
import { listBranches } from './branches.js';
import { listCommits } from './commits.js';
import { readContents } from './contents.js';
import { listTree } from './tree.js';

/** Beyond any history. */
const LAST_OFFSET = 100_000_000;

/** Reading a repository without git; to be mounted at /v1/repos. Public ones unsigned, private ones with a signature. */
export function browseRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/:repoId/branches', async (c) => ok(c, await listBranches(ctx, await open(ctx, c, c.req.param('repoId')))));

  app.get('/:repoId/commits', async (c) => {
    const repo = await open(ctx, c, c.req.param('repoId'));
    const query = new URL(c.req.url).searchParams;
    const limit = wholeNumber(query, 'limit', { fallback: 50, min: 1, max: 100 });
    const offset = wholeNumber(query, 'offset', { fallback: 0, min: 0, max: LAST_OFFSET });
    return ok(c, await listCommits(ctx, repo, { branch: query.get('branch') ?? undefined, limit, offset }));
  });

  app.get('/:repoId/tree', async (c) => {
    const repo = await open(ctx, c, c.req.param('repoId'));
    return ok(c, await listTree(ctx, repo, { ref: c.req.query('ref'), path: c.req.query('path') ?? '' }));
  });

  app.get('/:repoId/contents/:path{.*}', async (c) => {
    const { repoId, path } = c.req.param();
    const repo = await open(ctx, c, repoId);
    return ok(c, await readContents(ctx, repo, { ref: c.req.query('ref'), path: path ?? '' }));
  });

  return app;
}

async function open(ctx: AppContext, c: AppContextOf, repoId: string): Promise<Repository> {
  return visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
}
