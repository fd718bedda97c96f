import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { listOutbox, OUTBOX_STATUSES, type OutboxRow, retryDeadLetter } from '../outbox/index.js';
import { isStorable, paging } from '../routing/index.js';
import { pageOf } from './paging.js';
import { type AdminSession, adminEvent } from './session.js';

/** A page of the outbox, newest first: dead letters unless `status` says otherwise. @throws AppError VALIDATION_ERROR */
export async function listOutboxRows(ctx: AppContext, query: URLSearchParams) {
  const page = paging(query);
  const asked = query.get('status') || 'dead_letter';
  const status = OUTBOX_STATUSES.find((each) => each === asked);
  if (status === undefined) throw invalid('status', `is one of ${OUTBOX_STATUSES.join(', ')}`);
  const topic = query.get('topic') || undefined;
  if (topic !== undefined && !isStorable(topic)) throw invalid('topic', 'is no topic');
  const { rows, total } = await listOutbox(ctx.db, { status, topic, limit: page.perPage, offset: page.offset });
  return pageOf(rows.map(view), total, page);
}

/** Puts a dead letter back in the queue. @throws AppError NOT_FOUND for what is no dead letter */
export async function retryOutboxRow(ctx: AppContext, session: AdminSession, outboxId: string) {
  const missing = new AppError('NOT_FOUND', {
    message: 'No such dead letter.',
    details: { outboxId: outboxId.slice(0, 64) },
  });
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(outboxId)) throw missing;
  await ctx.db.transaction(async (tx) => {
    if (!(await retryDeadLetter(tx, outboxId))) throw missing;
    const data = { admin_id: session.username };
    await appendAudit(tx, adminEvent(session, 'admin_outbox_retry', 'outbox', outboxId, data));
  });
  return { message: 'The event will be tried again.', outboxId };
}

function view(row: OutboxRow) {
  return {
    ...row,
    availableAt: row.availableAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    processedAt: row.processedAt?.toISOString() ?? null,
  };
}

function invalid(field: string, message: string): AppError {
  return new AppError('VALIDATION_ERROR', { message: `${field} ${message}.`, details: { field } });
}
