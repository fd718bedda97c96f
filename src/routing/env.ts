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
    /** Set on git addresses. */
    git: GitWork | undefined;
  };
}

/** What a git request is about, for the log line and the measurements. */
export interface GitWork {
  /** `negotiate` = a round of a fetch that ends without a pack. */
  operation: 'advertise' | 'ls-refs' | 'object-info' | 'bundle-uri' | 'negotiate' | 'fetch' | 'clone' | 'push';
  repoId?: string | undefined;
  /** Received or sent. */
  objects?: number | undefined;
  /** How it ended where the status does not tell: git has most of its refusals inside of a 200. */
  outcome?: 'refused' | 'failed' | undefined;
}

export type AppContextOf = Context<AppEnv>;

/** Notes who is asking, for the log line and the cache headers. */
export function noteAgent(c: AppContextOf, agentId: string | undefined): void {
  c.set('agentId', agentId);
}

/** Adds to what is known of a git request; the first note must have its operation. */
export function noteGit(c: AppContextOf, work: Partial<GitWork>): void {
  c.set('git', { ...c.get('git'), ...work } as GitWork);
}
