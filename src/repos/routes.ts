import { Hono } from 'hono';
import { listAudit, parseAuditQuery } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { type AppEnv, baseUrl, check, ok, signedRead, signedWrite } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { checkRepositoryName, createRepository } from './create.js';
import { createBody } from './schemas.js';
import { findRepositoriesOf, findRepositoryById, findRepositoryByName } from './store.js';
import { repositoryView } from './view.js';
import { visibleRepository } from './visible.js';

/** First segments below /v1/repos that are addresses of their own, not owners. */
const RESERVED_OWNERS = new Set(['trending']);
/** Second segments that are parts of a repository, not names of one. */
const RESERVED_NAMES = new Set(
  'access audit branches ci clone collaborators commits contents fork info pulls star stars tree webhooks'.split(' '),
);

/** To be mounted at /v1/repos, after every other room that has routes there. */
export function repoRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.post('/', (c) => {
    const base = baseUrl(ctx, c);
    return signedWrite(c, ctx, CREATE_RULE, (call) => {
      const input = check(createBody, call.body);
      checkRepositoryName(input.name);
      return (tx) => createRepository(tx, call, input, base);
    });
  });

  app.get('/', async (c) => {
    const { principal } = await signedRead(c, ctx, LIST_RULE);
    const repos = await findRepositoriesOf(ctx.db, principal.agentId, false);
    return ok(c, { repos: repos.map((repo) => repositoryView(repo, baseUrl(ctx, c))) });
  });

  app.get('/:repoId', async (c) => {
    const repoId = c.req.param('repoId');
    if (RESERVED_OWNERS.has(repoId)) return c.notFound();
    const repo = await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    return ok(c, repositoryView(repo, baseUrl(ctx, c)));
  });

  app.get('/:repoId/audit', async (c) => {
    const repoId = c.req.param('repoId');
    await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
    const { limit, offset } = parseAuditQuery(new URL(c.req.url).searchParams);
    const { events } = await listAudit(ctx.db, { repoId, limit, offset }, 'member');
    return ok(c, { events });
  });

  app.get('/:owner/:name', async (c) => {
    const { owner, name } = c.req.param();
    if (RESERVED_OWNERS.has(owner) || RESERVED_NAMES.has(name)) return c.notFound();
    const repo = await visibleRepository(ctx, c, await findRepositoryByName(ctx.db, owner, name), { owner, name });
    return ok(c, repositoryView(repo, baseUrl(ctx, c)));
  });

  return app;
}

const CREATE_RULE = {
  actions: ['repo_create'],
  ids: {},
  flatBody: ({ name, description, visibility }: JsonObject) => ({
    name: name ?? null,
    description: description ?? null,
    visibility: visibility ?? 'public',
  }),
};

const LIST_RULE = { actions: ['repo_list'], ids: {}, flatBody: () => ({}) };
