/** Webhooks of a repository, for its admins. */
import { Hono } from 'hono';
import { z } from 'zod';
import type { AppContext } from '../context.js';
import {
  type AppContextOf,
  type AppEnv,
  check,
  cursorPage,
  cutPage,
  microseconds,
  ok,
  signedRead,
  signedWrite,
} from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { createWebhook } from './create.js';
import { deleteWebhook } from './delete.js';
import { selectDeliveries } from './delivery-store.js';
import { existingWebhook, requireManager } from './manage.js';
import { redeliver } from './redeliver.js';
import { createBody, updateBody } from './schemas.js';
import { selectWebhooks } from './store.js';
import { updateWebhook } from './update.js';
import { deliveryView, webhookView } from './view.js';

/** A signer of reads may name any of these. */
export const READ_WEBHOOKS = ['webhook_list', 'webhook_get', 'repo_read', 'repo_get'];

const PAGE = 50;
const MAX_PAGE = 100;
const deliveryKey = z.tuple([microseconds, z.guid()]);

/** To be mounted at /v1/repos, before the repos room. */
export function webhookRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const base = '/:repoId/webhooks';

  app.post(base, (c) => create(c, ctx, c.req.param('repoId')));
  app.get(base, async (c) => {
    const repoId = c.req.param('repoId');
    await manager(c, ctx, repoId);
    const query = new URL(c.req.url).searchParams;
    const { after, limit } = cursorPage(query, z.string(), { fallback: PAGE, max: MAX_PAGE });
    const hooks = await selectWebhooks(ctx.db, repoId);
    const start = after === undefined ? 0 : hooks.findIndex(({ webhookId }) => webhookId === after) + 1;
    const page = cutPage(hooks.slice(start), limit, ({ webhookId }) => webhookId);
    return ok(c, { repoId, webhooks: page.rows.map(webhookView), nextCursor: page.nextCursor });
  });

  app.get(`${base}/:webhookId`, async (c) => {
    const { repoId, webhookId } = c.req.param();
    await manager(c, ctx, repoId, webhookId);
    return ok(c, webhookView(await existingWebhook(ctx.db, repoId, webhookId)));
  });
  app.patch(`${base}/:webhookId`, (c) => update(c, ctx, c.req.param()));
  app.delete(`${base}/:webhookId`, (c) => {
    const ids = c.req.param();
    const rule = { actions: ['webhook_delete'], ids, flatBody: () => ids };
    return signedWrite(c, ctx, rule, (call) => (tx) => deleteWebhook(tx, call, ids));
  });

  app.get(`${base}/:webhookId/deliveries`, async (c) => {
    const { repoId, webhookId } = c.req.param();
    await manager(c, ctx, repoId, webhookId);
    await existingWebhook(ctx.db, repoId, webhookId);
    const query = new URL(c.req.url).searchParams;
    const { after, limit = PAGE } = cursorPage(query, deliveryKey, { fallback: PAGE, max: MAX_PAGE });
    const rows = await selectDeliveries(ctx.db, webhookId, { limit: limit + 1, after });
    const page = cutPage(rows, limit, ({ createdMicros, deliveryId }) => [createdMicros, deliveryId]);
    return ok(c, { repoId, webhookId, deliveries: page.rows.map(deliveryView), nextCursor: page.nextCursor });
  });
  app.post(`${base}/:webhookId/deliveries/:deliveryId/redeliver`, (c) => {
    const ids = c.req.param();
    const rule = { actions: ['webhook_redeliver'], ids, flatBody: () => ids };
    return signedWrite(c, ctx, rule, (call) => (tx) => redeliver(tx, call, ids));
  });
  return app;
}

/** A reader may sign the ids of the path, the repository alone, or nothing. */
async function manager(c: AppContextOf, ctx: AppContext, repoId: string, webhookId?: string): Promise<void> {
  const ids = { repoId, ...(webhookId === undefined ? {} : { webhookId }) };
  const { principal } = await signedRead(c, ctx, {
    actions: READ_WEBHOOKS,
    ids,
    flatBody: () => [ids, { repoId }, {}],
  });
  await requireManager(ctx.db, repoId, principal.agentId);
}

function create(c: AppContextOf, ctx: AppContext, repoId: string): Promise<Response> {
  const rule = {
    actions: ['webhook_create'],
    ids: { repoId },
    flatBody: ({ url, events, active }: JsonObject) => ({
      repoId,
      url: url ?? null,
      events: events ?? null,
      active: active ?? true,
    }),
  };
  return signedWrite(c, ctx, rule, (call) => {
    const input = check(createBody, call.body);
    const allowPrivate = ctx.config.WEBHOOK_ALLOW_PRIVATE;
    return (tx) => createWebhook(tx, call, { repoId, allowPrivate, ...input });
  });
}

function update(c: AppContextOf, ctx: AppContext, ids: { repoId: string; webhookId: string }): Promise<Response> {
  const rule = {
    actions: ['webhook_update'],
    ids,
    flatBody: ({ url, events, active, rotateSecret }: JsonObject) => ({
      ...ids,
      url: url ?? null,
      events: events ?? null,
      active: active ?? null,
      rotateSecret: rotateSecret ?? false,
    }),
  };
  return signedWrite(c, ctx, rule, (call) => {
    const changes = check(updateBody, call.body);
    const allowPrivate = ctx.config.WEBHOOK_ALLOW_PRIVATE;
    return (tx) => updateWebhook(tx, call, { ...ids, allowPrivate }, changes);
  });
}
