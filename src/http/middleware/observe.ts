import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { AppContext } from '../../context.js';
import type { AppContextOf, AppEnv } from '../../routing/index.js';

/**
 * One log line and one measurement per request, when its answer has left (a clone's time includes its stream). The route
 * pattern stands for the path: paths and queries hold ids without end, and queries may hold signatures.
 */
export function observe(ctx: AppContext): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const started = performance.now();
    const { outgoing, incoming } = c.env;
    outgoing.once('close', () => {
      const ms = performance.now() - started;
      const method = incoming.method ?? 'GET';
      const route = routeOf(c);
      const status = outgoing.statusCode;
      ctx.metrics.httpRequests.inc({ method, route, status });
      ctx.metrics.httpSeconds.observe({ method, route, status }, ms / 1000);
      const line = {
        requestId: c.get('requestId'),
        agent: c.get('agentId'),
        method,
        route,
        status,
        ms: Math.round(ms),
      };
      if (outgoing.writableFinished) ctx.log.info(line, 'request');
      else ctx.log.info({ ...line, cut: true }, 'request cut by the client');
    });
    await next();
  };
}

/** Pattern of the handler that answered; middleware patterns mean that none did. */
export function routeOf(c: AppContextOf): string {
  const route = matchedRoutes(c)[c.req.routeIndex];
  return route === undefined || route.method === 'ALL' ? 'unmatched' : route.path;
}
