/** The public audit log: lists, exports to be verified offline, checkpoints. */
import { Hono } from 'hono';
import { z } from 'zod';
import { requireAdmin } from '../admin/index.js';
import {
  auditKey,
  type ExportOptions,
  exportAudit,
  getPublicAudit,
  listPublicAudit,
  loadServerKey,
  readCheckpoints,
} from '../audit/index.js';
import { readBearer } from '../auth/index.js';
import type { AppContext } from '../context.js';
import { findRepositoryById, visibleRepository } from '../repos/index.js';
import {
  type AppContextOf,
  type AppEnv,
  cursorPage,
  cutPage,
  ok,
  readCursor,
  wholeNumber,
  writeCursor,
} from '../routing/index.js';

const HOUR_MS = 3_600_000;
/** Events in one answer; above, the client goes on with the cursor of the last line. */
const MAX_EVENTS = 100_000;
const CHECKPOINTS = 20;
const MAX_CHECKPOINTS = 100;
const exportKey = z.tuple([z.string().min(1).max(64), z.int().min(0)]);
const checkpointKey = z.int().min(0);

/** `GET /v1/audit`, `/export`, `/checkpoints` and `/{eventId}`. */
export function auditRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/', async (c) => {
    const query = new URL(c.req.url).searchParams;
    const { next, ...page } = await listPublicAudit(ctx, query, readCursor(query, auditKey));
    return ok(c, { ...page, nextCursor: next && writeCursor(next) });
  });
  app.get('/export', (c) => sendExport(c, ctx));
  app.get('/checkpoints', async (c) => {
    const query = new URL(c.req.url).searchParams;
    const bounds = { fallback: CHECKPOINTS, max: MAX_CHECKPOINTS };
    const { after = 0, limit = CHECKPOINTS } = cursorPage(query, checkpointKey, bounds);
    const { publicKey } = await loadServerKey(ctx.db);
    const page = cutPage(await readCheckpoints(ctx.db, after, limit + 1), limit, ({ number }) => number);
    return ok(c, { publicKey, checkpoints: page.rows, nextCursor: page.nextCursor });
  });
  app.get('/:eventId', async (c) => ok(c, await getPublicAudit(ctx, c.req.param('eventId'))));
  return app;
}

/** All chains for an operator, one that the reader may see, or all public ones. */
async function sendExport(c: AppContextOf, ctx: AppContext): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const repoId = query.get('repoId') || query.get('repo_id') || undefined;
  const admin = readBearer(c.env.incoming.headers) !== undefined;
  if (admin) await requireAdmin(ctx, c);
  else if (repoId !== undefined) await visibleRepository(ctx, c, await findRepositoryById(ctx.db, repoId), { repoId });
  const limit = wholeNumber(query, 'limit', { fallback: MAX_EVENTS, min: 1, max: MAX_EVENTS });
  // As long as a repeated request is answered from the store, its envelope is a key to that answer.
  const hideAfter = new Date((await ctx.db.now()).getTime() - (ctx.config.IDEMPOTENCY_TTL_HOURS + 1) * HOUR_MS);
  const after = readCursor(query, exportKey);
  const options = { chainId: repoId, admin, hideAfter, after, limit, writeCursor };
  return c.body(streamOf(ctx, options), 200, {
    'Content-Type': 'application/x-ndjson; charset=utf-8',
    'Cache-Control': 'no-store',
  });
}

/** Reads on when the client has taken what was sent. An export that breaks off lacks its last line, which tells. */
function streamOf(ctx: AppContext, options: ExportOptions): ReadableStream {
  const lines = exportAudit(ctx.db, options);
  const text = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await lines.next();
        if (done) controller.close();
        else controller.enqueue(text.encode(value));
      } catch (error) {
        ctx.log.warn({ err: error }, 'an audit export broke off');
        controller.error(error);
      }
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}
