/** Lists of the admin API. */
import { AppError } from '../errors.js';
import type { Paging } from '../routing/index.js';

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  perPage: number;
  /** At least 1, also when there is nothing. */
  totalPages: number;
}

export function pageOf<T>(items: T[], total: number, { page, perPage }: Paging): Page<T> {
  return { items, total, page, perPage, totalPages: Math.max(1, Math.ceil(total / perPage)) };
}

/** Longest text that any id or name of the lists can hold. */
const MAX_SEARCH = 256;

/** The search text of a list; empty = everything. @throws AppError VALIDATION_ERROR for what SQL cannot hold */
export function searchText(query: URLSearchParams): string {
  const search = query.get('search')?.trim() ?? '';
  if (/[\0\p{Surrogate}]/u.test(search)) {
    throw new AppError('VALIDATION_ERROR', { message: 'search is not valid text.', details: { field: 'search' } });
  }
  return search.slice(0, MAX_SEARCH);
}
