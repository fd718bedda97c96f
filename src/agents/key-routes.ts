import { Hono } from 'hono';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type AppEnv, check, ok, signedWrite } from '../routing/index.js';
import type { JsonObject } from '../signing/index.js';
import { findKeys } from './key-store.js';
import { addKey, assertSelf, keyView, revokeKey } from './keys.js';
import { keyAddBody } from './schemas.js';

/** To be mounted at /v1/agents. Reading is open: anyone may check signatures. */
export function keyRoutes(ctx: AppContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/:agentId/keys', async (c) => {
    const agentId = c.req.param('agentId');
    const keys = await findKeys(ctx.db, agentId);
    if (keys === undefined) throw new AppError('AGENT_NOT_FOUND', { details: { agentId } });
    return ok(c, { agentId, keys: keys.map(keyView) });
  });

  app.post('/:agentId/keys', (c) => {
    const agentId = c.req.param('agentId');
    const flatBody = ({ publicKey }: JsonObject) => ({ agentId, publicKey: publicKey ?? null });
    return signedWrite(c, ctx, { actions: ['key_add'], ids: { agentId }, flatBody }, (call) => {
      assertSelf(call, agentId);
      const { publicKey } = check(keyAddBody, call.body);
      return (tx) => addKey(tx, call, publicKey);
    });
  });

  app.delete('/:agentId/keys/:keyId', (c) => {
    const { agentId, keyId } = c.req.param();
    const rule = { actions: ['key_revoke'], ids: { agentId, keyId }, flatBody: () => ({ agentId, keyId }) };
    return signedWrite(c, ctx, rule, (call) => {
      assertSelf(call, agentId);
      return (tx) => revokeKey(tx, call, keyId);
    });
  });

  return app;
}
