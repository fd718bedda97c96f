/** What a call counts against, and what its caller is told about it. */
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { countedAs } from '../rate-limits.js';

/** What one call is counted as. */
export interface Charge {
  /** Agent id, or {@link addressKey} of the client. */
  subject: string;
  action: string;
  /** Calls per window, at least 1. */
  limit: number;
  windowSecs: number;
  bucketSecs: number;
}

/** A counted call. */
export interface Quota extends Charge {
  /** Calls left in the window after this one. */
  remaining: number;
  /** When the oldest counted bucket leaves the window, seconds since 1970. */
  resetAt: number;
  /** Start of the bucket in which the call was counted, seconds since 1970. */
  bucket: number;
}

const BUCKET_SECS = 60;

/**
 * What a call counts as; undefined = it is not limited. Reads are limited only where their action has a limit of its
 * own.
 */
export function chargeFor(
  { rateLimits }: Pick<Config, 'rateLimits'>,
  subject: string,
  action: string,
  mutates = true,
): Charge | undefined {
  if (!rateLimits.enabled) return undefined;
  const name = countedAs(action);
  const own = Object.hasOwn(rateLimits.actions, name) ? rateLimits.actions[name] : undefined;
  const limit = own ?? (mutates ? rateLimits.fallback : 0);
  if (limit === 0) return undefined;
  const { windowSecs } = rateLimits;
  // A window shorter than an hour keeps its 60 steps, so that it still slides.
  return { subject, action: name, limit, windowSecs, bucketSecs: Math.min(BUCKET_SECS, Math.ceil(windowSecs / 60)) };
}

/** The headers of every answer to a limited call. */
export function quotaHeaders({ limit, remaining, resetAt }: Pick<Quota, 'limit' | 'remaining' | 'resetAt'>) {
  return {
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(resetAt)),
  };
}

/**
 * The refusal of a call that is one too many, with its headers and details `{action, limit, window, retryAfter}`.
 * @param resetAt when the oldest counted bucket leaves the window, seconds since 1970
 * @param now seconds since 1970, by the same clock
 */
export function rateLimited({ action, limit, windowSecs }: Charge, resetAt: number, now: number): AppError {
  const retryAfter = Math.max(1, Math.ceil(resetAt - now));
  return new AppError('RATE_LIMITED', {
    message: `Too many calls of ${action}: the limit is ${limit} per ${duration(windowSecs)}. Try again in ${retryAfter} s.`,
    details: { action, limit, window: duration(windowSecs), retryAfter },
    retryAfter,
    headers: quotaHeaders({ limit, remaining: 0, resetAt }),
  });
}

function duration(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}
