import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../../routing/index.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id of an exchange: the client's own when it sent a UUID, so that its logs and ours can be joined. */
export function requestIdFor(header: string | string[] | undefined): string {
  return typeof header === 'string' && UUID.test(header) ? header : randomUUID();
}

export function requestId(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const id = requestIdFor(c.env.incoming.headers['x-request-id']);
    c.set('requestId', id);
    // On the node response, so that answers which bypass the framework (git streams) carry it too.
    c.env.outgoing.setHeader('X-Request-Id', id);
    await next();
  };
}
