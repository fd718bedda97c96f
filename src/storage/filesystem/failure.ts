import { AppError, type ErrorCode } from '../../errors.js';

/** True for the answers of the system that mean "no such key". */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCode(error));
}

/** The system's error code (`ENOSPC`), or an empty string. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Runs `work`; what the system refuses becomes an AppError that names no path. */
export async function failingAs<T>(code: ErrorCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError(code, { cause });
  }
}
