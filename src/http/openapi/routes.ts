import { Hono } from 'hono';
import type { AppContext } from '../../context.js';
import { type AppEnv, baseUrl, JSON_TYPE, type RouteDescription } from '../../routing/index.js';
import { openApiDocument } from './document.js';
import { docsPage, PAGE_POLICY } from './page.js';

/** `GET /openapi.json` and `GET /docs`. Both depend on the address alone, and there are few of those. */
export function openApiRoutes(ctx: AppContext, routes: readonly RouteDescription[]): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const documents = new Map<string, string>();
  const documentFor = (base: string) => {
    const known = documents.get(base);
    if (known !== undefined) return known;
    const text = JSON.stringify(openApiDocument(routes, base));
    if (documents.size < MAX_ADDRESSES) documents.set(base, text);
    return text;
  };
  app.get('/openapi.json', (c) => c.body(documentFor(baseUrl(ctx, c)), 200, { 'Content-Type': JSON_TYPE }));
  app.get('/docs', (c) =>
    c.body(docsPage(JSON.parse(documentFor(baseUrl(ctx, c)))), 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': PAGE_POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    }),
  );
  return app;
}

/** Loopback spellings and allowed hosts; a port that a client makes up is one more, so the number has to end. */
const MAX_ADDRESSES = 16;
