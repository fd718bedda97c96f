/** Branch protection of a repository. A pattern stands in the path percent-encoded, or with its slashes as they are. */
import { Hono } from 'hono';
import { z } from 'zod';
import type { AppContext } from '../context.js';
import {
  type AppContextOf,
  type AppEnv,
  check,
  cursorPage,
  cutPage,
  ok,
  signedRead,
  signedWrite,
} from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { deleteProtection } from './delete.js';
import { findRule, readRules } from './read.js';
import { pattern, ruleBody } from './schemas.js';
import { MAX_RULES, setProtection } from './set.js';
import { ruleView } from './view.js';

/** A signer of reads may name any of these. */
export const READ_RULES = ['protection_list', 'protection_get', 'repo_read', 'repo_get'];

/** To be mounted at /v1/repos. */
export function protectionRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/:repoId/protection', async (c) => {
    const repoId = c.req.param('repoId');
    const { principal } = await signedRead(c, ctx, readRule(repoId));
    const query = new URL(c.req.url).searchParams;
    const { after, limit } = cursorPage(query, z.string(), { fallback: MAX_RULES, max: MAX_RULES });
    const rules = await readRules(ctx.db, repoId, principal.agentId);
    const rest =
      after === undefined ? rules : rules.filter((rule) => Buffer.from(rule.pattern).compare(Buffer.from(after)) > 0);
    const page = cutPage(rest, limit, (rule) => rule.pattern);
    return ok(c, { repoId, rules: page.rows.map(ruleView), nextCursor: page.nextCursor });
  });

  app.get('/:repoId/protection/:pattern{.+}', async (c) => {
    const { repoId, pattern } = c.req.param();
    const { principal } = await signedRead(c, ctx, readRule(repoId, { pattern }));
    const rules = await readRules(ctx.db, repoId, principal.agentId);
    return ok(c, { repoId, ...ruleView(findRule(rules, repoId, pattern)) });
  });

  app.put('/:repoId/protection/:pattern{.+}', (c) => {
    const { repoId, pattern } = c.req.param();
    return set(c, ctx, repoId, pattern);
  });

  app.delete('/:repoId/protection/:pattern{.+}', (c) => {
    const { repoId, pattern } = c.req.param();
    const rule = { actions: ['protection_delete'], ids: { repoId, pattern }, flatBody: () => ({ repoId, pattern }) };
    return signedWrite(c, ctx, rule, (call) => (tx) => deleteProtection(tx, call, { repoId, pattern }));
  });

  return app;
}

function set(c: AppContextOf, ctx: AppContext, repoId: string, named: string): Promise<Response> {
  const rule = {
    actions: ['protection_set'],
    ids: { repoId, pattern: named },
    flatBody: (fields: JsonObject) => ({
      repoId,
      pattern: named,
      noForce: fields.noForce ?? true,
      noDelete: fields.noDelete ?? true,
      requiredApprovals: fields.requiredApprovals ?? 0,
      requiredCi: fields.requiredCi ?? false,
      requiredPushCert: fields.requiredPushCert ?? false,
    }),
  };
  return signedWrite(c, ctx, rule, (call) => {
    const input = {
      repoId,
      pattern: check(z.object({ pattern }), { pattern: named }).pattern,
      rule: check(ruleBody, call.body),
    };
    return (tx) => setProtection(tx, call, input);
  });
}

/** A reader of one rule may sign its pattern or the repository alone. */
function readRule(repoId: string, more: { pattern?: string } = {}) {
  const ids = { repoId, ...more };
  return { actions: READ_RULES, ids, flatBody: () => [ids, { repoId }, {}] };
}
