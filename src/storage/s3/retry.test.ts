import { describe, expect, it } from 'vitest';
import { failureKind, isRetryable, toAppError } from './errors.js';
import { backoffMs, createRetryStrategy } from './retry.js';
import { Throttle } from './throttle.js';

const LIMITS = { maxRetries: 3, retryMaxBackoffSecs: 30 };

type Failure = Parameters<ReturnType<typeof createRetryStrategy>['refreshRetryTokenForRetry']>[1];

function awsError(name: string, httpStatusCode: number): NonNullable<Failure['error']> {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } }) as NonNullable<Failure['error']>;
}

describe('backoff', () => {
  it('doubles from 100 ms with at most a quarter on top', () => {
    expect([1, 2, 3, 4].map((n) => backoffMs(n, LIMITS, 0))).toEqual([100, 200, 400, 800]);
    expect([1, 2, 3, 4].map((n) => backoffMs(n, LIMITS, 1))).toEqual([125, 250, 500, 1000]);
  });

  it('never exceeds the configured longest', () => {
    expect(backoffMs(10, { ...LIMITS, retryMaxBackoffSecs: 1 }, 1)).toBe(1000);
    expect(backoffMs(10, { maxRetries: 10, retryMaxBackoffSecs: 300 }, 0)).toBe(51_200);
  });
});

describe('throttle', () => {
  it('grows with each answer in a row up to 30 s', () => {
    const throttle = new Throttle();
    const pauses = [1, 2, 3, 4, 5, 6, 7].map(() => {
      throttle.slowDown();
      return throttle.pauseMs;
    });
    expect(pauses).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('halves with each success and starts over', () => {
    const throttle = new Throttle();
    throttle.slowDown();
    throttle.slowDown();
    throttle.success();
    expect(throttle.pauseMs).toBe(2000);
    throttle.slowDown();
    expect(throttle.pauseMs).toBe(2000);
    for (let n = 0; n < 6; n++) throttle.success();
    expect(throttle.pauseMs).toBe(0);
  });
});

describe('strategy', () => {
  it('allows exactly the configured repeats', async () => {
    const strategy = createRetryStrategy({ ...LIMITS, maxRetries: 2 });
    const info: Failure = { error: awsError('InternalError', 500), errorType: 'SERVER_ERROR' };
    let token = await strategy.acquireInitialRetryToken('');
    for (const [count, least] of [
      [1, 100],
      [2, 200],
    ] as const) {
      token = await strategy.refreshRetryTokenForRetry(token, info);
      expect(token.getRetryCount()).toBe(count);
      expect(token.getRetryDelay()).toBeGreaterThanOrEqual(least);
    }
    await expect(strategy.refreshRetryTokenForRetry(token, info)).rejects.toBe(info.error);
  });

  it('waits for the shared pause after SlowDown', async () => {
    const strategy = createRetryStrategy(LIMITS);
    const info: Failure = { error: awsError('SlowDown', 503), errorType: 'THROTTLING' };
    const token = await strategy.refreshRetryTokenForRetry(await strategy.acquireInitialRetryToken(''), info);
    expect(token.getRetryDelay()).toBe(2000);
  });
});

describe('errors of the service', () => {
  const system = (code: string) => Object.assign(new Error(code), { code });
  it.each([
    [awsError('AccessDenied', 403), 'denied', false, 'S3_ACCESS_DENIED'],
    [awsError('SignatureDoesNotMatch', 403), 'denied', false, 'S3_ACCESS_DENIED'],
    [awsError('RequestTimeTooSkewed', 403), 'skewed', true, 'S3_ACCESS_DENIED'],
    [Object.assign(new Error(), { name: 'CredentialsProviderError' }), 'denied', false, 'S3_ACCESS_DENIED'],
    [awsError('NoSuchBucket', 404), 'no-bucket', false, 'S3_BUCKET_NOT_FOUND'],
    [awsError('NoSuchKey', 404), 'missing', false, 'S3_OBJECT_NOT_FOUND'],
    [awsError('NotFound', 404), 'missing', false, 'S3_OBJECT_NOT_FOUND'],
    [awsError('NoSuchUpload', 404), 'other', false, 'S3_UPLOAD_FAILED'],
    [awsError('InvalidRange', 416), 'range', false, 'S3_DOWNLOAD_FAILED'],
    [awsError('SlowDown', 503), 'slow-down', true, 'S3_RATE_LIMITED'],
    [awsError('Unknown', 503), 'slow-down', true, 'S3_RATE_LIMITED'],
    [awsError('InternalError', 500), 'server', true, 'S3_UPLOAD_FAILED'],
    [awsError('InternalError', 200), 'server', true, 'S3_UPLOAD_FAILED'],
    [awsError('PermanentRedirect', 301), 'other', false, 'S3_UPLOAD_FAILED'],
    [system('ECONNREFUSED'), 'unreachable', true, 'S3_CONNECTION_ERROR'],
    [system('ENOTFOUND'), 'unreachable', true, 'S3_CONNECTION_ERROR'],
    [Object.assign(new Error(), { name: 'TimeoutError' }), 'unreachable', true, 'S3_CONNECTION_ERROR'],
    [new TypeError('bug'), 'other', false, 'S3_UPLOAD_FAILED'],
    ['text', 'other', false, 'S3_UPLOAD_FAILED'],
  ])('%o is %s', (error, kind, retryable, code) => {
    expect(failureKind(error)).toBe(kind);
    expect(isRetryable(error)).toBe(retryable);
    expect(toAppError(error, 'S3_UPLOAD_FAILED').code).toBe(code);
  });
});
