/** The outbox as operators see it. */
import { asDatabaseError, type Queryable } from '../db/index.js';

export const OUTBOX_STATUSES = ['pending', 'processing', 'processed', 'dead_letter'] as const;
export type OutboxStatus = (typeof OUTBOX_STATUSES)[number];

export interface OutboxRow {
  outboxId: string;
  eventId: string;
  topic: string;
  status: OutboxStatus;
  attempts: number;
  lastError: string | null;
  availableAt: Date;
  createdAt: Date;
  processedAt: Date | null;
  /** Of the audit event that the row follows from. */
  action: string;
  resourceType: string;
  resourceId: string;
}

export interface OutboxFilter {
  status: OutboxStatus;
  topic?: string | undefined;
}

/** Rows of a status, newest first, and how many there are. @throws AppError DATABASE_ERROR */
export async function listOutbox(
  db: Queryable,
  { status, topic, limit, offset }: OutboxFilter & { limit: number; offset: number },
): Promise<{ rows: OutboxRow[]; total: number }> {
  const { sql } = db;
  const where = sql`o.status = ${status}::outbox_status ${topic === undefined ? sql`` : sql`AND o.topic = ${topic}`}`;
  try {
    const [rows, [count]] = await Promise.all([
      sql<OutboxRow[]>`
        SELECT o.outbox_id AS "outboxId", o.audit_event_id AS "eventId", o.topic, o.status, o.attempts,
          o.last_error AS "lastError", o.available_at AS "availableAt", o.created_at AS "createdAt",
          o.processed_at AS "processedAt", a.action, a.resource_type AS "resourceType", a.resource_id AS "resourceId"
        FROM event_outbox o JOIN audit_log a ON a.event_id = o.audit_event_id WHERE ${where}
        ORDER BY o.created_at DESC, o.outbox_id LIMIT ${limit} OFFSET ${offset}`,
      sql<[{ total: number }]>`SELECT count(*) AS total FROM event_outbox o WHERE ${where}`,
    ]);
    return { rows, total: count.total };
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/** Puts every dead letter back in the queue. @returns how many. @throws AppError DATABASE_ERROR */
export async function retryDeadLetters(db: Queryable, topic?: string): Promise<number> {
  const { sql } = db;
  try {
    const rows = await sql`
      UPDATE event_outbox SET status = 'pending', attempts = 0, available_at = now(), last_error = NULL
      WHERE status = 'dead_letter' ${topic === undefined ? sql`` : sql`AND topic = ${topic}`}`;
    return rows.count;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
