import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { AppContext } from '../../context.js';
import type { AppContextOf, AppEnv, GitWork } from '../../routing/index.js';
import { beginSpan, endSpan, type RequestLine } from './request-span.js';
import { countTraffic, type Traffic } from './traffic.js';

/** Names of repositories and ids; whatever else stands in an address stays out of the log. */
const LOGGABLE = /^[\w.-]{1,256}$/;

/**
 * One log line and one measurement per request, when its answer has left (a clone's time includes its stream). The route
 * pattern stands for the path: paths and queries hold ids without end, and queries may hold signatures.
 * @param nameOf name of the operation that a route pattern stands for
 */
export function observe(
  ctx: AppContext,
  nameOf: (method: string, pattern: string) => string | undefined,
): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const started = performance.now();
    const { outgoing, incoming } = c.env;
    const traffic = countTraffic(incoming.socket);
    const span = beginSpan(ctx, incoming);
    outgoing.once('close', () => {
      const ms = performance.now() - started;
      const method = incoming.method ?? 'GET';
      const matched = handlerOf(c);
      const route = matched?.path ?? 'unmatched';
      const status = outgoing.statusCode;
      const { bytesIn, bytesOut } = traffic();
      const git = c.get('git');
      const cut = !outgoing.writableFinished;
      ctx.metrics.httpRequests.inc({ method, route, status });
      ctx.metrics.httpSeconds.observe({ method, route, status }, ms / 1000);
      if (git !== undefined) measureGit(ctx, git, { status, cut, ms, bytesIn, bytesOut });
      const line: RequestLine = {
        requestId: c.get('requestId'),
        agent: c.get('agentId'),
        repository: git?.repoId ?? repositoryOf(c),
        operation: git?.operation ?? (matched && nameOf(matched.method, route)),
        method,
        route,
        status,
        bytesIn,
        bytesOut,
        objects: git?.objects,
        ms: Math.round(ms),
      };
      if (span !== undefined) endSpan(span, line, cut || status >= 500 || git?.outcome === 'failed');
      if (cut) ctx.log.info({ ...line, cut }, 'request cut by the client');
      else ctx.log.info(line, 'request');
    });
    await (span === undefined ? next() : span.run(next));
  };
}

/** Pattern of the handler that answered. */
export function routeOf(c: AppContextOf): string {
  return handlerOf(c)?.path ?? 'unmatched';
}

/** The handler that answered; middleware patterns mean that none did. */
function handlerOf(c: AppContextOf): { method: string; path: string } | undefined {
  const route = matchedRoutes(c)[c.req.routeIndex];
  return route === undefined || route.method === 'ALL' ? undefined : route;
}

/** The repository as the address has it. */
function repositoryOf(c: AppContextOf): string | undefined {
  const { repoId, repo = repoId, owner, name } = c.req.param() as Record<string, string | undefined>;
  const said = repo === undefined && owner !== undefined && name !== undefined ? [owner, name] : [repo ?? ''];
  return said.every((part) => LOGGABLE.test(part)) ? said.join('/') : undefined;
}

interface Exchange extends Traffic {
  status: number;
  cut: boolean;
  ms: number;
}

function measureGit({ metrics }: AppContext, git: GitWork, { status, cut, ms, bytesIn, bytesOut }: Exchange): void {
  const { operation, objects, outcome = status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'ok' } = git;
  metrics.gitRequests.inc({ operation, outcome: cut ? 'cut' : outcome });
  metrics.gitSeconds.observe({ operation }, ms / 1000);
  metrics.gitBytes.inc({ operation, direction: 'in' }, bytesIn);
  metrics.gitBytes.inc({ operation, direction: 'out' }, bytesOut);
  if (objects !== undefined) metrics.gitObjects.inc({ operation }, objects);
}
