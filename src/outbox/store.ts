/**
 * SQL of `event_outbox`: taking rows, and what becomes of them. Rows are written by the audit room alone.
 *
 * Taking and settling do not wait for the disk: should the database lose them, with all that was done in the same
 * transaction, the rows are due again, as after the death of a worker.
 */
import { asDatabaseError, commitLater, type Queryable } from '../db/index.js';
import type { OutboxEvent, WantedEvents } from './event.js';

/** Rows taken at once. */
export const BATCH = 10;
/** A row that failed so often waits for an operator. */
export const MAX_ATTEMPTS = 5;
/** Longest time a worker may hold a row before another one may take it, seconds. */
export const LOCK_SECS = 300;
/** The pause after attempt n is 2^n times this, seconds. */
const BACKOFF_SECS = 5;
const MAX_BACKOFF_SECS = 3600;
/** Enough of an error to understand it; the log has the rest. */
const MAX_ERROR_LENGTH = 1000;

/** Seconds to wait after a failed attempt: 10, 20, 40, 80 … up to an hour. */
export function retryPauseSecs(attempts: number): number {
  return Math.min(BACKOFF_SECS * 2 ** attempts, MAX_BACKOFF_SECS);
}

/** Rows that were taken, and how many more were passed over because nobody wants them. */
export interface Claim {
  events: OutboxEvent[];
  passed: number;
}

/**
 * Takes due rows of a topic, oldest first. Rows in other workers' hands are skipped, not waited for; those that nobody
 * wants are marked processed at once.
 */
export async function claimEvents(
  db: Queryable,
  topic: string,
  worker: string,
  isWanted: WantedEvents = ({ sql }) => sql`true`,
): Promise<Claim> {
  const rows = await answer(db.sql<(OutboxEvent & { wanted: boolean; later: string })[]>`
    WITH due AS (
      SELECT outbox_id, audit_event_id FROM event_outbox
      WHERE topic = ${topic} AND status = 'pending' AND available_at <= now()
      ORDER BY available_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ), judged AS (
      SELECT due.outbox_id, a.*, ${isWanted(db)} AS wanted
      FROM due JOIN audit_log a ON a.event_id = due.audit_event_id
    ), claimed AS (
      UPDATE event_outbox o SET attempts = o.attempts + 1,
        status = (CASE WHEN j.wanted THEN 'processing' ELSE 'processed' END)::outbox_status,
        processed_at = CASE WHEN j.wanted THEN NULL ELSE now() END,
        locked_at = CASE WHEN j.wanted THEN now() END, locked_by = CASE WHEN j.wanted THEN ${worker} END
      FROM judged j WHERE o.outbox_id = j.outbox_id RETURNING o.*
    )
    SELECT c.outbox_id AS "outboxId", c.topic, c.attempts, c.locked_by AS worker, j.event_id AS "eventId",
      j.agent_id AS "agentId", j.action, j.resource_type AS "resourceType", j.resource_id AS "resourceId", j.data,
      j.timestamp, j.wanted, ${commitLater(db)} AS later
    FROM claimed c JOIN judged j USING (outbox_id)
    ORDER BY c.available_at, j.timestamp, j.seq`);
  const events = rows.filter(({ wanted }) => wanted).map(({ wanted: _, later: __, ...event }) => event);
  return { events, passed: rows.length - events.length };
}

/** Marks a claimed row processed. @returns false when the claim was lost meanwhile: then nothing may be done for it */
export async function settleEvent(db: Queryable, { outboxId, worker, attempts }: OutboxEvent): Promise<boolean> {
  const rows = await answer(db.sql`
    UPDATE event_outbox SET status = 'processed', processed_at = now(), locked_at = NULL, locked_by = NULL
    WHERE outbox_id = ${outboxId} AND status = 'processing' AND locked_by = ${worker} AND attempts = ${attempts}
    RETURNING ${commitLater(db)}`);
  return rows.length === 1;
}

/** Notes a failed attempt. @returns what became of the row, undefined when the claim was lost meanwhile */
export async function failEvent(
  db: Queryable,
  { outboxId, worker, attempts }: OutboxEvent,
  reason: string,
): Promise<'pending' | 'dead_letter' | undefined> {
  const pause = retryPauseSecs(attempts);
  const next = attempts >= MAX_ATTEMPTS ? 'dead_letter' : 'pending';
  const rows = await answer(db.sql`
    UPDATE event_outbox SET status = ${next}::outbox_status, available_at = now() + make_interval(secs => ${pause}),
      last_error = ${reason.replaceAll('\0', '').slice(0, MAX_ERROR_LENGTH)}, locked_at = NULL, locked_by = NULL
    WHERE outbox_id = ${outboxId} AND status = 'processing' AND locked_by = ${worker} AND attempts = ${attempts}
    RETURNING 1`);
  return rows.length === 1 ? next : undefined;
}

/** Gives back rows that were taken and not begun; they count as never taken. */
export async function returnEvents(db: Queryable, events: readonly OutboxEvent[]): Promise<void> {
  for (const { outboxId, worker, attempts } of events) {
    await answer(db.sql`
      UPDATE event_outbox SET status = 'pending', attempts = attempts - 1, locked_at = NULL, locked_by = NULL
      WHERE outbox_id = ${outboxId} AND status = 'processing' AND locked_by = ${worker} AND attempts = ${attempts}`);
  }
}

/**
 * Makes rows claimable again whose worker held them too long. One that keeps killing its workers ends as dead letter.
 * @returns how many rows were found
 */
export async function releaseAbandoned(db: Queryable, topics: readonly string[]): Promise<number> {
  const rows = await answer(db.sql`
    UPDATE event_outbox SET
      status = (CASE WHEN attempts >= ${MAX_ATTEMPTS} THEN 'dead_letter' ELSE 'pending' END)::outbox_status,
      last_error = 'its worker ' || coalesce(locked_by, '') || ' did not finish', locked_at = NULL, locked_by = NULL
    WHERE status = 'processing' AND topic = ANY(${[...topics]}::text[])
      AND locked_at < now() - make_interval(secs => ${LOCK_SECS})
    RETURNING 1`);
  return rows.length;
}

/** Marks due rows processed that nobody consumes, in one statement. @returns how many, at most `limit` */
export async function passEvents(db: Queryable, topics: readonly string[], limit: number): Promise<number> {
  const rows = await answer(db.sql`
    UPDATE event_outbox SET status = 'processed', processed_at = now(), attempts = attempts + 1
    WHERE outbox_id IN (
      SELECT outbox_id FROM event_outbox
      WHERE topic = ANY(${[...topics]}::text[]) AND status = 'pending' AND available_at <= now()
      ORDER BY available_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING 1`);
  return rows.length;
}

/** Puts a dead letter back in the queue, as good as new. @returns false when there is no such dead letter */
export async function retryDeadLetter(db: Queryable, outboxId: string): Promise<boolean> {
  const rows = await answer(db.sql`
    UPDATE event_outbox SET status = 'pending', attempts = 0, available_at = now(), last_error = NULL
    WHERE outbox_id = ${outboxId}::uuid AND status = 'dead_letter' RETURNING 1`);
  return rows.length === 1;
}

export interface OutboxCount {
  topic: string;
  status: 'pending' | 'processing' | 'dead_letter';
  count: number;
}

/** Rows that are not processed, per topic and status. */
export async function countEvents(db: Queryable): Promise<OutboxCount[]> {
  return answer(db.sql<OutboxCount[]>`
    SELECT topic, status, count(*) AS count FROM event_outbox
    WHERE status IN ('pending', 'processing', 'dead_letter') GROUP BY topic, status`);
}

/** How long the row that has been due longest waits, seconds; 0 when none is due. */
export async function readLag(db: Queryable): Promise<number> {
  const [row] = await answer(db.sql<[{ lag: number }]>`
    SELECT coalesce(extract(epoch FROM now() - min(available_at)), 0)::float8 AS lag FROM event_outbox
    WHERE status = 'pending' AND available_at <= now()`);
  return row.lag;
}

/** Deletes rows processed more than `days` ago, at most `limit`. @returns how many */
export async function deleteProcessed(db: Queryable, days: number, limit: number): Promise<number> {
  // Nothing is processed before it is available, and of the two times only the latter is indexed.
  const rows = await answer(db.sql`
    DELETE FROM event_outbox WHERE outbox_id IN (
      SELECT outbox_id FROM event_outbox
      WHERE status = 'processed' AND available_at < now() - make_interval(days => ${days})
        AND processed_at < now() - make_interval(days => ${days}) LIMIT ${limit}
      FOR UPDATE SKIP LOCKED)
    RETURNING 1`);
  return rows.length;
}

/** Dead letters of events older than `days`. @returns how many went */
export async function deleteDeadLetters(db: Queryable, days: number, limit: number): Promise<number> {
  const rows = await answer(db.sql`
    DELETE FROM event_outbox WHERE outbox_id IN (
      SELECT outbox_id FROM event_outbox
      WHERE status IN ('dead_letter', 'dead') AND created_at < now() - make_interval(days => ${days}) LIMIT ${limit}
      FOR UPDATE SKIP LOCKED)
    RETURNING 1`);
  return rows.length;
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
