/** Checks of what clients send: shapes with zod, and paging. */
import { z } from 'zod';
import { AppError } from '../errors.js';

/** Text that Postgres can hold as text and as JSON. */
export const text = z
  .string()
  .refine((value) => !/[\0\p{Surrogate}]/u.test(value), 'must not contain NUL or half a surrogate pair');

/** @throws AppError VALIDATION_ERROR with `details.issues` = `[{path, message}]` */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const first = issues[0];
  const message = first === undefined ? undefined : `${first.path || 'body'}: ${first.message}`;
  throw new AppError('VALIDATION_ERROR', { details: { issues }, ...(message === undefined ? {} : { message }) });
}

/** Whether a text of a URL can be a stored id or name at all: NUL would be an SQL error. Ids have up to 64 characters. */
export function isStorable(value: string, maxLength = 64): boolean {
  return value.length > 0 && value.length <= maxLength && !value.includes('\0');
}

export interface Paging {
  page: number;
  perPage: number;
  offset: number;
}

/** Far beyond any list, near enough that page * perPage stays exact. */
const LAST_PAGE = 1_000_000;

/** `page` and `perPage`, clamped to the list's bounds. @throws AppError INVALID_PAGINATION for what is not a number */
export function paging(query: URLSearchParams, { perPage = 20, max = 100 } = {}): Paging {
  const page = wholeNumber(query, 'page', { fallback: 1, min: 1, max: LAST_PAGE });
  const size = wholeNumber(query, 'perPage', { fallback: perPage, min: 1, max });
  return { page, perPage: size, offset: (page - 1) * size };
}

/** One number of the query, clamped. @throws AppError INVALID_PAGINATION for what is not a whole number */
export function wholeNumber(
  query: URLSearchParams,
  name: string,
  bounds: { fallback: number; min: number; max: number },
): number {
  const value = query.get(name);
  if (value === null || value === '') return bounds.fallback;
  if (!/^[+-]?\d+$/.test(value)) throw new AppError('INVALID_PAGINATION', { details: { [name]: value.slice(0, 40) } });
  return Math.min(Math.max(Number(value), bounds.min), bounds.max);
}
