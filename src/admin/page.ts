/** The dashboard: one page without anything from elsewhere, made of three files when the first browser asks. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../routing/index.js';

/** The build copies it beside the compiled file. */
const FOLDER = new URL('./ui/', import.meta.url);

interface Page {
  html: string;
  policy: string;
}

let page: Page | undefined;

/**
 * Answers browser navigations below /admin (GET with `Accept: text/html`) with the dashboard, and lets everything else
 * pass to the API.
 */
export function adminPage(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const isNavigation = c.req.method === 'GET' && /\btext\/html\b/i.test(c.env.incoming.headers.accept ?? '');
    if (!isNavigation) return next();
    page ??= readPage();
    return c.body(page.html, 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': page.policy,
      'Cache-Control': 'no-cache',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      Vary: 'Accept',
    });
  };
}

/** Only this very script and this very style run, and they talk to this server alone (CSP level 3). */
function readPage(): Page {
  const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');
  const style = read('admin.css');
  const script = read('admin.js');
  // Functions as replacements, because "$" in the files means nothing special.
  const html = read('index.html')
    .replace('/* admin.css */', () => style)
    .replace('/* admin.js */', () => script);
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, policy };
}
