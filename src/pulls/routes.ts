import { Hono } from 'hono';
import { findAgent } from '../agents/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { findRepositoryById, type Repository, visibleRepository } from '../repos/index.js';
import { type AppContextOf, type AppEnv, check, ok, signedWrite, wholeNumber } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { existingPull } from './access.js';
import { prepareClose } from './close.js';
import { prepareCreate } from './create.js';
import { diffPull } from './diff.js';
import { listPulls, listPullsOf } from './list.js';
import { prepareMerge } from './merge.js';
import { closeBody, createBody, mergeBody } from './schemas.js';
import { showPulls } from './show.js';

/** Longest list for one agent. */
const MAX_OF_AGENT = 1000;

/** To be mounted at /v1/repos. */
export function pullRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.post('/:repoId/pulls', (c) => {
    const ids = c.req.param();
    const rule = { actions: ['pr_create'], ids, flatBody: (fields: JsonObject) => createFields(ids.repoId, fields) };
    return signedWrite(c, ctx, rule, (call) => prepareCreate(ctx, call, { ...ids, ...check(createBody, call.body) }));
  });

  app.get('/:repoId/pulls', async (c) => {
    const repo = await visible(ctx, c, c.req.param('repoId'));
    return ok(c, await listPulls(ctx, repo, new URL(c.req.url).searchParams));
  });

  app.get('/:repoId/pulls/:prId', async (c) => {
    const { repoId, prId } = c.req.param();
    const repo = await visible(ctx, c, repoId);
    const [shown] = await showPulls(ctx, repo, [await existingPull(ctx.db, repoId, prId)]);
    return ok(c, shown);
  });

  app.get('/:repoId/pulls/:prId/diff', async (c) => {
    const { repoId, prId } = c.req.param();
    const repo = await visible(ctx, c, repoId);
    return ok(c, await diffPull(ctx, repo, await existingPull(ctx.db, repoId, prId)));
  });

  app.post('/:repoId/pulls/:prId/merge', (c) => {
    const ids = c.req.param();
    const rule = {
      actions: ['pr_merge'],
      ids,
      flatBody: ({ mergeStrategy }: JsonObject) => ({ ...ids, mergeStrategy: mergeStrategy ?? 'merge' }),
    };
    return signedWrite(c, ctx, rule, (call) => prepareMerge(ctx, call, { ...ids, ...check(mergeBody, call.body) }));
  });

  app.post('/:repoId/pulls/:prId/close', (c) => {
    const ids = c.req.param();
    const rule = { actions: ['pr_close'], ids, flatBody: () => ids };
    return signedWrite(c, ctx, rule, (call) => prepareClose(ctx, call, { ...ids, ...check(closeBody, call.body) }));
  });

  return app;
}

/** To be mounted at /v1/agents. */
export function agentPullRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/:agentId/pulls', async (c) => {
    const agentId = c.req.param('agentId');
    if ((await findAgent(ctx.db, agentId)) === undefined) {
      throw new AppError('AGENT_NOT_FOUND', { details: { agentId } });
    }
    const query = new URL(c.req.url).searchParams;
    const limit = wholeNumber(query, 'limit', { fallback: MAX_OF_AGENT, min: 1, max: MAX_OF_AGENT });
    return ok(c, { pulls: await listPullsOf(ctx, agentId, limit) });
  });
  return app;
}

async function visible(ctx: AppContext, c: AppContextOf, repoId: string): Promise<Repository> {
  return visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
}

function createFields(repoId: string, { sourceBranch, targetBranch, title, description }: JsonObject): JsonObject {
  return {
    repoId,
    sourceBranch: sourceBranch ?? null,
    targetBranch: targetBranch ?? null,
    title: title ?? null,
    description: description ?? null,
  };
}
