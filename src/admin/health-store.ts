import type { Queryable } from '../db/index.js';

/** Connections of this node's pool, without the one that asks. */
export async function countConnections({ sql }: Queryable): Promise<{ active: number; idle: number }> {
  const [row] = await sql<{ active: number; idle: number }[]>`
    SELECT count(*) FILTER (WHERE state <> 'idle') AS active, count(*) FILTER (WHERE state = 'idle') AS idle
    FROM pg_stat_activity WHERE application_name = current_setting('application_name')
      AND datname = current_database() AND pid <> pg_backend_pid()`;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return row;
}

export interface OutboxCounts {
  pending: number;
  processing: number;
  dead: number;
  /** Age of the oldest entry that could be worked on, seconds; null when none waits. */
  oldestPendingAge: number | null;
}

export async function countOutbox({ sql }: Queryable): Promise<OutboxCounts> {
  const [row] = await sql<OutboxCounts[]>`
    SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
      count(*) FILTER (WHERE status = 'processing') AS processing,
      count(*) FILTER (WHERE status IN ('dead_letter', 'dead')) AS dead,
      floor(extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'pending')))::int8 AS "oldestPendingAge"
    FROM event_outbox WHERE status <> 'processed'`;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return row;
}
