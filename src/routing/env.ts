/** What every route handler finds in its context: the node request and what the middleware learnt about it. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export interface AppEnv {
  Bindings: HttpBindings;
  Variables: {
    /** UUID of this exchange: `meta.requestId` and `X-Request-Id`. */
    requestId: string;
    /** Address of the client, with trusted proxies taken off. */
    clientIp: string;
    /** Set once a credential was accepted; goes to the log and makes the answer `no-store`. */
    agentId: string | undefined;
  };
}

export type AppContextOf = Context<AppEnv>;

/** Notes who is asking, for the log line and the cache headers. */
export function noteAgent(c: AppContextOf, agentId: string | undefined): void {
  c.set('agentId', agentId);
}
