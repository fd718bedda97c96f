/** What went wrong at the S3 service, and what of it a caller is told. */
import { AppError, type ErrorCode } from '../../errors.js';

/** `skewed`: our clock differs too much; the client corrects it for the next attempt. */
export type FailureKind =
  | 'denied'
  | 'no-bucket'
  | 'missing'
  | 'slow-down'
  | 'unreachable'
  | 'server'
  | 'skewed'
  | 'range'
  | 'other';

const BY_NAME: Record<string, FailureKind> = {
  NoSuchBucket: 'no-bucket',
  NoSuchKey: 'missing',
  SlowDown: 'slow-down',
  TooManyRequests: 'slow-down',
  RequestLimitExceeded: 'slow-down',
  Throttling: 'slow-down',
  ThrottlingException: 'slow-down',
  RequestTimeTooSkewed: 'skewed',
  RequestTimeout: 'unreachable',
  TimeoutError: 'unreachable',
  CredentialsProviderError: 'denied',
  InternalError: 'server',
  NoSuchUpload: 'other',
};

/** Classes that a later attempt may get over. */
const RETRYABLE: ReadonlySet<FailureKind> = new Set(['slow-down', 'unreachable', 'server', 'skewed']);

/** Seconds a client is asked to wait before it tries again. */
const RETRY_AFTER = 5;

export function failureKind(error: unknown): FailureKind {
  if (!(error instanceof Error)) return 'other';
  const known = BY_NAME[error.name];
  if (known !== undefined) return known;
  const status = httpStatus(error);
  if (status === undefined) return 'code' in error && typeof error.code === 'string' ? 'unreachable' : 'other';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'missing';
  if (status === 416) return 'range';
  if (status === 429 || status === 503) return 'slow-down';
  return status >= 500 ? 'server' : 'other';
}

export function isRetryable(error: unknown): boolean {
  return RETRYABLE.has(failureKind(error));
}

/** @param fallback the code of failures that have none of their own, by what was being done */
export function toAppError(cause: unknown, fallback: ErrorCode): AppError {
  if (cause instanceof AppError) return cause;
  switch (failureKind(cause)) {
    case 'denied':
    case 'skewed':
      return new AppError('S3_ACCESS_DENIED', { cause });
    case 'no-bucket':
      return new AppError('S3_BUCKET_NOT_FOUND', { cause });
    case 'missing':
      return new AppError('S3_OBJECT_NOT_FOUND', { cause });
    case 'slow-down':
      return new AppError('S3_RATE_LIMITED', { cause, retryAfter: RETRY_AFTER });
    case 'unreachable':
      return new AppError('S3_CONNECTION_ERROR', { cause, retryAfter: RETRY_AFTER });
    case 'range':
      return new AppError('S3_DOWNLOAD_FAILED', { cause, message: 'The byte range is outside of the stored object.' });
    default:
      return new AppError(fallback, { cause });
  }
}

/** Runs `work`; what the service refuses becomes an AppError. */
export async function failingAs<T>(code: ErrorCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error, code);
  }
}

function httpStatus(error: Error): number | undefined {
  if (!('$metadata' in error) || typeof error.$metadata !== 'object' || error.$metadata === null) return undefined;
  const { $metadata } = error;
  return 'httpStatusCode' in $metadata && typeof $metadata.httpStatusCode === 'number'
    ? $metadata.httpStatusCode
    : undefined;
}
