import type { AppContext } from '../context.js';
import type { AppContextOf } from './env.js';

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/**
 * Base of the URLs handed to this client, without a slash at its end. Unless PUBLIC_URL says it, a loopback or allowed
 * `Host` is echoed, since the port may have been chosen by the system; any other Host could be an attacker's.
 */
export function baseUrl(ctx: AppContext, c: AppContextOf): string {
  const { PUBLIC_URL, ALLOWED_HOSTS, HOST, PORT } = ctx.config;
  if (PUBLIC_URL !== undefined) return PUBLIC_URL;
  const host = c.env.incoming.headers.host;
  if (host !== undefined && (LOOPBACK.test(host) || ALLOWED_HOSTS.includes(host))) return `http://${host}`;
  return `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`;
}
