import { listAudit, parseAuditQuery } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { paging } from '../routing/index.js';
import { pageOf } from './paging.js';

/**
 * A page of the whole audit log, newest first, hidden parts included. Filters are those of the public log, with
 * `fromTimestamp` and `toTimestamp` as well as `from` and `to`.
 * @throws AppError VALIDATION_ERROR, INVALID_PAGINATION
 */
export async function listEvents(ctx: AppContext, query: URLSearchParams) {
  const page = paging(query);
  const wanted = new URLSearchParams(query);
  for (const name of ['from', 'to']) {
    const value = query.get(`${name}Timestamp`);
    if (value) wanted.set(name, value);
  }
  for (const name of ['limit', 'offset']) wanted.delete(name);
  const filters = { ...parseAuditQuery(wanted), limit: page.perPage, offset: page.offset };
  const { events, total, hasMore } = await listAudit(ctx.db, filters, 'admin');
  return { ...pageOf(events, total, page), hasMore };
}
