/**
 * Paging by cursor: a page begins after the sort key of the last row of the page before, so rows that arrive meanwhile
 * neither repeat nor hide others, and a late page costs as much as the first.
 */
import { z } from 'zod';
import { AppError } from '../errors.js';
import { wholeNumber } from './input.js';

/** Longest cursor read; sort keys are a time and a name or two. */
const MAX_CURSOR_LENGTH = 1024;

/** Column times as sort keys: whole microseconds since 1970, the precision of the database. The cap is the year 2096. */
export const microseconds = z.int().min(0).max(4e15);

/** Answers gain this key; null on the last page. */
export const nextCursor = z.string().nullable();

export interface CursorPage<K> {
  /** Rows wanted; undefined = all, for lists that were whole before they had pages. */
  limit: number | undefined;
  /** Sort key of the last row of the page before. */
  after: K | undefined;
}

/**
 * Reads `cursor` and `limit` (or `perPage`) of a query; sizes are clamped to 1..`max`.
 * @param fallback page size when a cursor comes without one, or none of the two; undefined = all rows without a cursor
 * @throws AppError INVALID_PAGINATION for a cursor that this list did not hand out, or a size that is no whole number
 */
export function cursorPage<T extends z.ZodType>(
  query: URLSearchParams,
  key: T,
  { fallback, max }: { fallback: number | undefined; max: number },
): CursorPage<z.output<T>> {
  const after = readCursor(query, key);
  const name = query.get('limit') ? 'limit' : 'perPage';
  const unsaid = fallback ?? (after === undefined ? undefined : max);
  if (!query.get(name)) return { limit: unsaid, after };
  return { limit: wholeNumber(query, name, { fallback: max, min: 1, max }), after };
}

/** The sort key in the query's `cursor`; undefined when there is none. @throws AppError INVALID_PAGINATION */
export function readCursor<T extends z.ZodType>(query: URLSearchParams, key: T): z.output<T> | undefined {
  const text = query.get('cursor');
  if (text === null || text === '') return undefined;
  const parsed = text.length > MAX_CURSOR_LENGTH ? undefined : key.safeParse(decode(text));
  if (parsed?.success) return parsed.data;
  throw new AppError('INVALID_PAGINATION', {
    message: 'The cursor is not one that this list handed out.',
    details: { cursor: text.slice(0, 40) },
  });
}

/** Base64url of the JSON of a sort key. Clients hand it back as it is; its content may change at any time. */
export function writeCursor(key: unknown): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Cuts rows that were read with `limit + 1`: the one too many tells that another page follows. */
export function cutPage<R>(
  rows: readonly R[],
  limit: number | undefined,
  keyOf: (row: R) => unknown,
): { rows: readonly R[]; nextCursor: string | null } {
  if (limit === undefined || rows.length <= limit) return { rows, nextCursor: null };
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, nextCursor: last === undefined ? null : writeCursor(keyOf(last)) };
}

function decode(text: string): unknown {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
