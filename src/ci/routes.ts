import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { existingPull } from '../pulls/index.js';
import { findRepositoryById, visibleRepository } from '../repos/index.js';
import { type AppContextOf, type AppEnv, check, ok, signedWrite, wholeNumber } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { prepareCancel } from './cancel.js';
import { followLog } from './follow.js';
import { findSteps } from './log-store.js';
import { readLog } from './log-text.js';
import { cancelBody, MAX_RUNS, triggerBody } from './schemas.js';
import { findNewestRun, findRun, findRuns, type StoredRun } from './store.js';
import { prepareTrigger } from './trigger.js';
import { showRun, showRunDetail, showStepLogs } from './view.js';

const PATH = '/:repoId/pulls/:prId/ci';

/** To be mounted at /v1/repos. */
export function ciRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.post(`${PATH}/trigger`, (c) => {
    const ids = c.req.param();
    const flatBody = ({ commitSha }: JsonObject) => ({ ...ids, commitSha: commitSha ?? null });
    return signedWrite(c, ctx, { actions: ['ci_trigger'], ids, flatBody }, (call) =>
      prepareTrigger(ctx, call, { ...ids, ...check(triggerBody, call.body) }),
    );
  });

  app.get(`${PATH}/runs`, async (c) => {
    const { prId } = await visiblePull(ctx, c, c.req.param());
    const query = new URL(c.req.url).searchParams;
    const limit = wholeNumber(query, 'limit', { fallback: MAX_RUNS, min: 1, max: MAX_RUNS });
    return ok(c, { runs: (await findRuns(ctx.db, prId, limit)).map(showRun) });
  });

  app.get(`${PATH}/runs/:runId`, async (c) => {
    const run = await visibleRun(ctx, c, c.req.param());
    return ok(c, showRunDetail(run, await findSteps(ctx.db, run.runId)));
  });

  app.get(`${PATH}/runs/:runId/logs`, async (c) => {
    const run = await visibleRun(ctx, c, c.req.param());
    const { searchParams } = new URL(c.req.url);
    if (['1', 'true'].includes(searchParams.get('follow') ?? '')) {
      // Proxies must hand on what comes when it comes.
      c.header('X-Accel-Buffering', 'no');
      return streamSSE(c, (stream) => followLog(ctx, stream, run, c.req.header('Last-Event-ID')));
    }
    return ok(c, { runId: run.runId, logs: await readLog(ctx, run) });
  });

  app.get(`${PATH}/logs`, async (c) => {
    const { prId } = await visiblePull(ctx, c, c.req.param());
    const run = await findNewestRun(ctx.db, prId);
    return ok(c, { logs: run === undefined ? [] : showStepLogs(run, await findSteps(ctx.db, run.runId)) });
  });

  app.post(`${PATH}/runs/:runId/cancel`, (c) => {
    const ids = c.req.param();
    const rule = { actions: ['ci_cancel'], ids, flatBody: () => ids };
    return signedWrite(c, ctx, rule, (call) => prepareCancel(ctx, call, { ...ids, ...check(cancelBody, call.body) }));
  });

  return app;
}

async function visiblePull(ctx: AppContext, c: AppContextOf, { repoId, prId }: { repoId: string; prId: string }) {
  await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
  return existingPull(ctx.db, repoId, prId);
}

async function visibleRun(
  ctx: AppContext,
  c: AppContextOf,
  ids: { repoId: string; prId: string; runId: string },
): Promise<StoredRun> {
  const { prId } = await visiblePull(ctx, c, ids);
  const run = await findRun(ctx.db, prId, ids.runId);
  if (run === undefined) throw new AppError('CI_RUN_NOT_FOUND', { details: { runId: ids.runId } });
  return run;
}
