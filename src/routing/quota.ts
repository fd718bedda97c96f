import { type Quota, quotaHeaders } from '../limits/index.js';
import type { AppContextOf } from './env.js';

/** Puts the X-RateLimit headers on whatever this request is answered with, also an error or a git stream. */
export function noteQuota(c: AppContextOf, quota: Quota | undefined): void {
  if (quota === undefined) return;
  // On the node response, because git answers bypass the framework.
  for (const [name, value] of Object.entries(quotaHeaders(quota))) c.env.outgoing.setHeader(name, value);
}
