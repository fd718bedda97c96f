/** When and how long to wait before the same request is tried again. */
import { ApiError, NetworkError } from './errors.js';

export interface RetryPolicy {
  /** Tries after the first; default 3. */
  retries: number;
  /** Pause before the first repeat, doubled each time, +-10 %; default 1000. */
  backoffMs: number;
  /** A server that asks for a longer pause than this is not waited for; default 60,000. */
  maxWaitMs: number;
  sleep(ms: number): Promise<void>;
}

export const DEFAULT_RETRY: RetryPolicy = {
  retries: 3,
  backoffMs: 1000,
  maxWaitMs: 60_000,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const RETRIED_STATUS = new Set([429, 500, 502, 503]);

/** Runs `attempt` until it succeeds, fails for good, or the tries are used up; then the last error is thrown. */
export async function withRetry<T>(policy: RetryPolicy, attempt: () => Promise<T>): Promise<T> {
  for (let tried = 0; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      const wait = tried < policy.retries ? pauseBefore(error, tried, policy) : undefined;
      if (wait === undefined) throw error;
      await policy.sleep(wait);
    }
  }
}

function pauseBefore(error: unknown, tried: number, policy: RetryPolicy): number | undefined {
  const repeatable = error instanceof NetworkError || (error instanceof ApiError && RETRIED_STATUS.has(error.status));
  if (!repeatable) return undefined;
  if (error instanceof ApiError && error.retryAfter !== undefined) {
    const asked = error.retryAfter * 1000;
    return asked <= policy.maxWaitMs ? asked : undefined;
  }
  return Math.min(policy.backoffMs * 2 ** tried, policy.maxWaitMs) * (0.9 + Math.random() * 0.2);
}
