/** When a failed S3 call is repeated. Replaces the client's own strategy, whose budget stops retries under load. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { failureKind, isRetryable } from './errors.js';
import { Throttle } from './throttle.js';

const FIRST_DELAY_MS = 100;
const LARGEST_JITTER = 0.25;

/** How often and how long; from the configuration. */
export interface RetryLimits {
  /** Repeats after the first attempt. */
  maxRetries: number;
  /** Longest delay before a repeat, seconds. */
  retryMaxBackoffSecs: number;
}

export type RetryStrategy = Extract<
  NonNullable<S3ClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type SdkError = NonNullable<Parameters<RetryStrategy['refreshRetryTokenForRetry']>[1]['error']>;
type Token = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;

/**
 * Delay before repeat `n` (from 1): 100 ms * 2^(n-1) plus up to 25 % jitter, capped.
 * @param random 0 to 1
 */
export function backoffMs(n: number, limits: RetryLimits, random: number): number {
  const delay = FIRST_DELAY_MS * 2 ** (n - 1) * (1 + LARGEST_JITTER * random);
  return Math.min(delay, limits.retryMaxBackoffSecs * 1000);
}

/** The strategy handed to the S3 client; one per store, because its throttle is shared by all calls. */
export function createRetryStrategy(limits: RetryLimits): RetryStrategy {
  const throttle = new Throttle();
  return {
    async acquireInitialRetryToken() {
      if (throttle.pauseMs > 0) await sleep(throttle.pauseMs);
      return token(0, 0);
    },
    async refreshRetryTokenForRetry(previous, { error }) {
      if (failureKind(error) === 'slow-down') throttle.slowDown();
      const n = previous.getRetryCount() + 1;
      if (n > limits.maxRetries || !isRetryable(error)) throw error;
      return token(n, Math.max(backoffMs(n, limits, Math.random()), throttle.pauseMs));
    },
    recordSuccess() {
      throttle.success();
    },
  };
}

/** Runs `attempt` as often as the strategy allows, for calls that do not go through the client. */
export async function withRetries<T>(strategy: RetryStrategy, attempt: () => Promise<T>): Promise<T> {
  let token = await strategy.acquireInitialRetryToken('');
  for (;;) {
    try {
      const result = await attempt();
      strategy.recordSuccess(token);
      return result;
    } catch (error) {
      // The strategy judges by the error alone.
      token = await strategy.refreshRetryTokenForRetry(token, { error: error as SdkError, errorType: 'TRANSIENT' });
      await sleep(token.getRetryDelay());
    }
  }
}

function token(count: number, delayMs: number): Token {
  return { getRetryCount: () => count, getRetryDelay: () => delayMs };
}
