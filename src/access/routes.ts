/** Access management, each path in both spellings: `/access` and `/collaborators`. */
import { Hono } from 'hono';
import { optionalPrincipal } from '../auth/index.js';
import type { AppContext } from '../context.js';
import {
  type AppContextOf,
  type AppEnv,
  check,
  noteAgent,
  ok,
  readRequest,
  signedRead,
  signedWrite,
} from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { grantAccess } from './grant.js';
import { listAccess } from './list.js';
import { revokeAccess } from './revoke.js';
import { grantBody } from './schemas.js';

const TARGET_ALIASES = { targetAgentId: ['agentId'] };

/** To be mounted at /v1/repos. */
export function accessRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const name of ['access', 'collaborators']) {
    app.post(`/:repoId/${name}`, (c) => grant(c, ctx, c.req.param('repoId')));
    app.delete(`/:repoId/${name}/:agentId`, (c) => revoke(c, ctx, c.req.param('repoId'), c.req.param('agentId')));
  }
  app.get('/:repoId/access', async (c) => {
    const repoId = c.req.param('repoId');
    const rule = { actions: ['access_list'], ids: { repoId }, flatBody: () => ({ repoId }) };
    const call = await signedRead(c, ctx, rule);
    return ok(c, await listAccess(ctx.db, repoId, call.principal.agentId, new URL(c.req.url).searchParams));
  });
  app.get('/:repoId/collaborators', (c) => listOpenly(c, ctx, c.req.param('repoId')));
  return app;
}

function grant(c: AppContextOf, ctx: AppContext, repoId: string): Promise<Response> {
  const rule = {
    actions: ['access_grant'],
    ids: { repoId },
    flatBody: ({ targetAgentId, role }: JsonObject) => ({
      repoId,
      targetAgentId: targetAgentId ?? null,
      role: role ?? null,
    }),
  };
  return signedWrite(c, ctx, rule, (call) => {
    const input = check(grantBody, call.body);
    return (tx) => grantAccess(tx, call, { repoId, ...input });
  });
}

function revoke(c: AppContextOf, ctx: AppContext, repoId: string, targetAgentId: string): Promise<Response> {
  const rule = {
    actions: ['access_revoke'],
    ids: { repoId, targetAgentId },
    aliases: TARGET_ALIASES,
    flatBody: () => ({ repoId, targetAgentId }),
  };
  return signedWrite(c, ctx, rule, (call) => (tx) => revokeAccess(tx, call, { repoId, targetAgentId }));
}

/** The Rust SDK lists without a signature; a caller that does sign is answered as under /access. */
async function listOpenly(c: AppContextOf, ctx: AppContext, repoId: string): Promise<Response> {
  const principal = await optionalPrincipal(ctx, await readRequest(c), { repoId });
  noteAgent(c, principal?.agentId);
  return ok(c, await listAccess(ctx.db, repoId, principal?.agentId, new URL(c.req.url).searchParams));
}
