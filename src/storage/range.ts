import { AppError } from '../errors.js';
import type { ByteRange } from './contract.js';

/** Throws unless a range has whole, ordered, non-negative ends. */
export function assertRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) outside();
}

/** The part of a range that a body of `size` bytes has. @throws AppError S3_DOWNLOAD_FAILED when it has none of it */
export function clip(range: ByteRange, size: number): ByteRange {
  if (range.start >= size) outside();
  return { start: range.start, end: Math.min(range.end, size - 1) };
}

function outside(): never {
  throw new AppError('S3_DOWNLOAD_FAILED', { message: 'The byte range is outside of the stored object.' });
}
