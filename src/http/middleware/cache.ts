import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../../routing/index.js';

/** What was shown because of a credential is not for a shared cache. Git answers bring their own header. */
export function noStoreWhenCredentialed(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    if (c.env.outgoing.headersSent) return;
    if (c.get('agentId') !== undefined && !c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store');
  };
}
