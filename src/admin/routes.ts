import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { type AppContextOf, type AppEnv, check, ok, readBody } from '../routing/index.js';
import { type JsonValue, parseJson } from '../signing/index.js';
import { getAgent, listAgents, suspendAgent, unsuspendAgent } from './agents.js';
import { listEvents } from './audit.js';
import { getHealth } from './health.js';
import { removeOrphaned } from './orphaned.js';
import { listOutboxRows, retryOutboxRow } from './outbox.js';
import { reconcile } from './reconcile.js';
import { reconnectRepo } from './reconnect.js';
import { getRepo, listRepos, removeRepo } from './repos.js';
import { loginBody, reconnectBody, suspendBody } from './schemas.js';
import { type AdminSession, login, logout, requireAdmin } from './session.js';
import { getStats } from './stats.js';

type Handler = (c: AppContextOf, session: AdminSession) => Promise<unknown>;

/** The admin API, to be mounted at /api/admin and at /admin. */
export function adminRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const answer = (c: AppContextOf, data: unknown) => {
    c.header('Cache-Control', 'no-store');
    return ok(c, data);
  };
  const admin = (handle: Handler) => async (c: AppContextOf) => answer(c, await handle(c, await requireAdmin(ctx, c)));

  app.post('/login', async (c) => answer(c, await login(ctx, check(loginBody, await json(c)), c.get('clientIp'))));
  app.post(
    '/logout',
    admin((_, session) => logout(ctx, session)),
  );

  app.get(
    '/stats',
    admin(() => getStats(ctx)),
  );
  app.get(
    '/health',
    admin(() => getHealth(ctx)),
  );
  app.get(
    '/audit',
    admin((c) => listEvents(ctx, queryOf(c))),
  );

  app.get(
    '/outbox',
    admin((c) => listOutboxRows(ctx, queryOf(c))),
  );
  app.post(
    '/outbox/:outboxId/retry',
    admin((c, session) => retryOutboxRow(ctx, session, param(c, 'outboxId'))),
  );

  app.get(
    '/agents',
    admin((c) => listAgents(ctx, queryOf(c))),
  );
  app.get(
    '/agents/:agentId',
    admin((c) => getAgent(ctx, param(c, 'agentId'))),
  );
  app.post(
    '/agents/:agentId/suspend',
    admin(async (c, session) => {
      const { reason } = check(suspendBody, await json(c));
      return suspendAgent(ctx, session, param(c, 'agentId'), reason);
    }),
  );
  app.post(
    '/agents/:agentId/unsuspend',
    admin((c, session) => unsuspendAgent(ctx, session, param(c, 'agentId'))),
  );

  app.get(
    '/repos',
    admin((c) => listRepos(ctx, queryOf(c))),
  );
  app.get(
    '/repos/reconcile',
    admin(() => reconcile(ctx)),
  );
  app.get(
    '/repos/:repoId',
    admin((c) => getRepo(ctx, param(c, 'repoId'))),
  );
  app.delete(
    '/repos/:repoId',
    admin((c, session) => removeRepo(ctx, session, param(c, 'repoId'))),
  );
  app.post(
    '/repos/:repoId/reconnect',
    admin(async (c, session) => reconnectRepo(ctx, session, param(c, 'repoId'), check(reconnectBody, await json(c)))),
  );
  app.delete(
    '/repos/:repoId/orphaned',
    admin((c, session) => removeOrphaned(ctx, session, param(c, 'repoId'), c.req.query('type'))),
  );
  return app;
}

/** The JSON body; no body at all counts as `{}`. */
async function json(c: AppContextOf): Promise<JsonValue> {
  const body = await readBody(c.env.incoming);
  return body.length === 0 ? {} : parseJson(body);
}

function queryOf(c: AppContextOf): URLSearchParams {
  return new URL(c.req.url).searchParams;
}

function param(c: AppContextOf, name: string): string {
  return c.req.param(name) ?? '';
}
