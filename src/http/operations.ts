import type { Hono } from 'hono';
import type { AppEnv, RouteDescription } from '../routing/index.js';

/**
 * Names of the operations behind the handlers of an app, as the descriptions of its routes have them.
 *
 * The router is asked which handler an address leads to, because handlers and descriptions spell parameters differently.
 * That is done with the first name that is asked for: an app that has been asked takes no further routes.
 */
export function operationNames(
  app: Hono<AppEnv>,
  api: readonly RouteDescription[],
): (method: string, pattern: string) => string | undefined {
  let names: Map<string, string> | undefined;
  return (method, pattern) => {
    names ??= readNames(app, api);
    return names.get(`${method} ${pattern}`);
  };
}

function readNames(app: Hono<AppEnv>, api: readonly RouteDescription[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { method, path, aliases = [], operationId } of api) {
    for (const address of [path, ...aliases]) {
      const [handlers] = app.router.match(method.toUpperCase(), address.replace(/\{(\w+)\}/g, 'x-$1'));
      const first = handlers.find(([[, route]]) => route.method !== 'ALL');
      const key = first && `${first[0][1].method} ${first[0][1].path}`;
      // An address with several forms of request has the name of its first one.
      if (key !== undefined && !names.has(key)) names.set(key, operationId);
    }
  }
  return names;
}
