import type { Hono } from 'hono';
import { AppError } from '../errors.js';
import type { AppEnv } from '../routing/index.js';
import { answerError } from './error-handler.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Enveloped 404, or 405 with `Allow` when the address exists for other methods. */
export function answerUnmatched(app: Hono<AppEnv>): void {
  app.notFound((c) => {
    const asked = c.req.method === 'HEAD' ? 'GET' : c.req.method;
    const allowed = METHODS.filter((method) => method !== asked && hasRoute(app, method, c.req.path));
    if (allowed.length === 0) return answerError(c, new AppError('NOT_FOUND'));
    c.header('Allow', allowed.join(', '));
    return answerError(c, new AppError('METHOD_NOT_ALLOWED', { details: { allowed } }));
  });
}

function hasRoute(app: Hono<AppEnv>, method: string, path: string): boolean {
  const [handlers] = app.router.match(method, path);
  return handlers.some(([[, route]]) => route.method !== 'ALL');
}
