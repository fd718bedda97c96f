import { AppError, type ErrorCode } from '../errors.js';
import type { StorageOperation } from './contract.js';

const BY_CODE: Partial<Record<ErrorCode, string>> = {
  S3_CONNECTION_ERROR: 'connection_error',
  S3_ACCESS_DENIED: 'access_denied',
  S3_BUCKET_NOT_FOUND: 'not_found',
  S3_OBJECT_NOT_FOUND: 'not_found',
  S3_RATE_LIMITED: 'rate_limited',
  S3_UPLOAD_FAILED: 'upload_failed',
  S3_DOWNLOAD_FAILED: 'download_failed',
  OBJECT_CORRUPTED: 'object_corrupted',
};

/** The `error_type` label of a failed call. */
export function errorType(error: unknown, operation: StorageOperation): string {
  if (!(error instanceof AppError)) return 'internal';
  if (isTimeout(error.cause)) return 'timeout';
  const type = BY_CODE[error.code];
  if (type !== undefined) return type;
  return operation.startsWith('delete') ? 'delete_failed' : 'internal';
}

/** The S3 client also calls a reset connection a TimeoutError, but leaves the system's code on that. */
function isTimeout(cause: unknown): boolean {
  if (!(cause instanceof Error) || cause.name !== 'TimeoutError') return false;
  return !('code' in cause) || cause.code === 'ETIMEDOUT';
}
