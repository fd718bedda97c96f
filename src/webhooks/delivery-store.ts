/** SQL of deliveries. */
import { asDatabaseError, type Queryable, type Tx } from '../db/index.js';
import { LOCK_SECS, MAX_ATTEMPTS, retryPauseSecs } from '../outbox/index.js';
import type { STATUSES, WebhookEvent } from './schemas.js';

export interface Delivery {
  deliveryId: string;
  webhookId: string;
  event: WebhookEvent;
  eventId: string;
  status: (typeof STATUSES)[number];
  attempts: number;
  availableAt: Date;
  responseStatus: number | null;
  responseBody: string | null;
  error: string | null;
  durationMs: number | null;
  redeliveryOf: string | null;
  createdAt: Date;
  deliveredAt: Date | null;
  /** `createdAt` in microseconds since 1970. */
  createdMicros: number;
}

function columns({ sql }: Queryable) {
  return sql`delivery_id AS "deliveryId", webhook_id AS "webhookId", event, audit_event_id AS "eventId", status, attempts,
    available_at AS "availableAt", response_status AS "responseStatus", response_body AS "responseBody", error,
    duration_ms AS "durationMs", redelivery_of AS "redeliveryOf", created_at AS "createdAt",
    delivered_at AS "deliveredAt", (extract(epoch FROM created_at) * 1000000)::bigint AS "createdMicros"`;
}

/** A delivery for every active webhook of the repository that wants the event; a second call for an event adds none. */
export async function insertDeliveries(tx: Tx, repoId: string, event: WebhookEvent, eventId: string): Promise<void> {
  await tx.sql`
    INSERT INTO webhook_deliveries (webhook_id, audit_event_id, event)
    SELECT webhook_id, ${eventId}::uuid, ${event} FROM webhooks
    WHERE repo_id = ${repoId} AND active AND events @> to_jsonb(${event}::text) ORDER BY webhook_id FOR KEY SHARE
    ON CONFLICT (webhook_id, audit_event_id) WHERE redelivery_of IS NULL DO NOTHING`;
}

/** A fresh delivery of the same event. */
export async function insertRedelivery(tx: Tx, of: Delivery): Promise<Delivery> {
  const [row] = await tx.sql<[Delivery]>`
    INSERT INTO webhook_deliveries (webhook_id, audit_event_id, event, redelivery_of)
    VALUES (${of.webhookId}, ${of.eventId}::uuid, ${of.event}, ${of.deliveryId}::uuid) RETURNING ${columns(tx)}`;
  return row;
}

/** Newest first. @param after sort key of the last one of the page before */
export async function selectDeliveries(
  db: Queryable,
  webhookId: string,
  { limit, after }: { limit: number; after: [number, string] | undefined },
): Promise<Delivery[]> {
  const { sql } = db;
  const behind =
    after === undefined
      ? sql``
      : sql`AND (created_at, delivery_id)
          < (timestamptz 'epoch' + ${after[0]}::bigint * interval '1 microsecond', ${after[1]}::uuid)`;
  return answer(sql<Delivery[]>`
    SELECT ${columns(db)} FROM webhook_deliveries WHERE webhook_id = ${webhookId} ${behind}
    ORDER BY created_at DESC, delivery_id DESC LIMIT ${limit}`);
}

export async function findDelivery(
  db: Queryable,
  webhookId: string,
  deliveryId: string,
): Promise<Delivery | undefined> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(deliveryId)) return undefined;
  const [row] = await answer(db.sql<Delivery[]>`
    SELECT ${columns(db)} FROM webhook_deliveries
    WHERE webhook_id = ${webhookId} AND delivery_id = ${deliveryId}::uuid`);
  return row;
}

/** A claimed delivery with what is needed to send it. */
export interface Claimed {
  deliveryId: string;
  eventId: string;
  event: WebhookEvent;
  repoId: string;
  url: string;
  secret: string;
  /** Counts this attempt. It tells this claim from any later one. */
  attempts: number;
}

/** Per webhook and round, so that one slow receiver does not hold up the others. */
const PER_WEBHOOK = 2;
/** Due rows looked at to find enough different receivers. */
const WINDOW = 500;

/**
 * Takes due deliveries of active webhooks, and those whose sender held them too long. Rows in other hands are skipped.
 * A delivery whose last attempt never ended becomes a dead letter when it is met.
 */
export async function claimDeliveries(db: Queryable, limit: number): Promise<Claimed[]> {
  await answer(db.sql`
    UPDATE webhook_deliveries SET status = 'dead_letter', error = 'its sender did not finish', locked_at = NULL
    WHERE status = 'sending' AND attempts >= ${MAX_ATTEMPTS}
      AND available_at <= now() AND locked_at < now() - make_interval(secs => ${LOCK_SECS})`);
  return answer(db.sql<Claimed[]>`
    WITH seen AS (
      SELECT d.delivery_id, d.webhook_id, d.available_at FROM webhook_deliveries d
      JOIN webhooks w ON w.webhook_id = d.webhook_id AND w.active
      WHERE d.status IN ('pending', 'sending') AND d.available_at <= now()
        AND (d.status = 'pending' OR d.locked_at < now() - make_interval(secs => ${LOCK_SECS}))
      ORDER BY d.available_at LIMIT ${WINDOW}
    ), fair AS (
      SELECT delivery_id FROM (
        SELECT delivery_id, available_at, row_number() OVER (PARTITION BY webhook_id ORDER BY available_at) AS place
        FROM seen) placed
      WHERE place <= ${PER_WEBHOOK} ORDER BY available_at LIMIT ${limit}
    ), due AS (
      SELECT d.delivery_id FROM webhook_deliveries d JOIN fair USING (delivery_id)
      WHERE d.status = 'pending' OR (d.status = 'sending' AND d.locked_at < now() - make_interval(secs => ${LOCK_SECS}))
      FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE webhook_deliveries d SET status = 'sending', locked_at = now(), attempts = d.attempts + 1
    FROM due, webhooks w WHERE d.delivery_id = due.delivery_id AND w.webhook_id = d.webhook_id
    RETURNING d.delivery_id AS "deliveryId", d.audit_event_id AS "eventId", d.event, w.repo_id AS "repoId", w.url,
      w.secret, d.attempts`);
}

/** Gives back what was taken and not sent; it counts as never taken. */
export async function returnDelivery(db: Queryable, { deliveryId, attempts }: Claimed): Promise<void> {
  await answer(db.sql`
    UPDATE webhook_deliveries SET status = 'pending', attempts = attempts - 1, locked_at = NULL
    WHERE delivery_id = ${deliveryId}::uuid AND status = 'sending' AND attempts = ${attempts}`);
}

export interface Outcome {
  delivered: boolean;
  responseStatus: number | null;
  responseBody: string | null;
  error: string | null;
  durationMs: number;
}

/** Notes how an attempt went. @returns what became of the delivery, undefined when the claim was lost meanwhile */
export async function settleDelivery(
  db: Queryable,
  { deliveryId, attempts }: Claimed,
  outcome: Outcome,
): Promise<Delivery['status'] | undefined> {
  const failed = attempts >= MAX_ATTEMPTS ? 'dead_letter' : 'pending';
  const status = outcome.delivered ? 'delivered' : failed;
  const rows = await answer(db.sql`
    UPDATE webhook_deliveries SET status = ${status}, locked_at = NULL, response_status = ${outcome.responseStatus},
      response_body = ${outcome.responseBody}, error = ${outcome.error}, duration_ms = ${outcome.durationMs},
      delivered_at = ${outcome.delivered ? db.sql`now()` : null},
      available_at = now() + make_interval(secs => ${outcome.delivered ? 0 : retryPauseSecs(attempts)})
    WHERE delivery_id = ${deliveryId}::uuid AND status = 'sending' AND attempts = ${attempts} RETURNING 1`);
  return rows.length === 1 ? status : undefined;
}

/** Deletes deliveries that are older than `days` and not in anybody's hands. @returns how many, at most `limit` */
export async function deleteOldDeliveries(db: Queryable, days: number, limit: number): Promise<number> {
  const rows = await answer(db.sql`
    DELETE FROM webhook_deliveries WHERE delivery_id IN (
      SELECT delivery_id FROM webhook_deliveries
      WHERE created_at < now() - make_interval(days => ${days}) AND status <> 'sending'
      LIMIT ${limit} FOR UPDATE SKIP LOCKED)
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
