/** Puts all events into one order that readers can follow. */
import { asDatabaseError, type Database } from '../db/index.js';
import type { Metrics } from '../metrics.js';

/** Key of the advisory lock under which one placer works at a time: the first bytes of "places". */
const LOCK = 0x706c6163;

/**
 * Gives every committed event without a position the next one. Positions grow by one, events of a chain keep the order of
 * the chain, and since only committed events are placed, by one placer at a time, no reader who has seen position n will
 * later find a new one below it. (The numbers of a sequence, or transaction ids, would not promise that: they are taken
 * before commit, and the latter start anew in a restored database.)
 *
 * Each event is placed once, by one node, so this is also where they are counted.
 * @returns how many were placed
 * @throws AppError DATABASE_ERROR
 */
export async function placeEvents(db: Database, metrics?: Pick<Metrics, 'auditEvents'>): Promise<number> {
  try {
    const [waiting] = await db.sql<[{ some: boolean }]>`SELECT EXISTS (SELECT FROM audit_unplaced) AS some`;
    if (!waiting.some) return 0;
  } catch (error) {
    throw asDatabaseError(error);
  }
  const placed = await db.transaction(async (tx) => {
    await tx.sql`SELECT pg_advisory_xact_lock(${LOCK})`;
    // A statement of its own, so that it sees what the last holder of the lock committed.
    return tx.sql<{ action: string; count: number }[]>`
      WITH taken AS (DELETE FROM audit_unplaced RETURNING event_id), placed AS (
        SELECT a.*, max(a.timestamp) OVER (PARTITION BY a.chain_id ORDER BY a.seq) AS at
        FROM taken JOIN audit_log a USING (event_id)
      ), numbered AS (
        INSERT INTO audit_positions (position, event_id, agent_id)
        SELECT (SELECT coalesce(max(position), 0) FROM audit_positions)
            + row_number() OVER (ORDER BY at, chain_id, seq), event_id, agent_id
        FROM placed
      )
      SELECT action, count(*) AS count FROM placed GROUP BY action`;
  });
  for (const { action, count } of placed) metrics?.auditEvents.inc({ action }, count);
  return placed.reduce((sum, { count }) => sum + count, 0);
}
