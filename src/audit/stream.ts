/** The log in the order it grows, for those who follow it. */
import { asDatabaseError, type Queryable } from '../db/index.js';
import { type AuditAudience, type AuditEvent, type EventRow, shape, visible } from './list.js';

export interface StreamedEvent {
  /** Where the event stands: in its chain, or in the order of all events. */
  place: number;
  event: AuditEvent;
}

export interface StreamPage {
  events: StreamedEvent[];
  /** Where to go on; hidden events count too. */
  last: number;
  /** Whether the page was full, so that more may follow at once. */
  more: boolean;
}

type Row = EventRow & { place: number };

/** Events of a chain behind place `after`, in order. For readers whose right to see them was checked. */
export async function readChainEvents(
  db: Queryable,
  chainId: string,
  { after, limit }: { after: number; limit: number },
): Promise<StreamPage> {
  const rows = await answer(db.sql<Row[]>`
    SELECT a.*, a.seq AS place FROM audit_log a WHERE a.chain_id = ${chainId} AND a.seq > ${after}
    ORDER BY a.seq LIMIT ${limit}`);
  return {
    events: rows.map((row) => streamed(row, 'member')),
    last: rows.at(-1)?.place ?? after,
    more: rows.length === limit,
  };
}

/**
 * Placed events behind `after`, of all agents or of one.
 * @param viewerId an agent that also sees the private repositories it has a role in
 */
export async function readPlacedEvents(
  db: Queryable,
  {
    after,
    limit,
    agentId,
    viewerId,
  }: { after: number; limit: number; agentId?: string | undefined; viewerId?: string | undefined },
): Promise<StreamPage> {
  const { sql } = db;
  const rows = await answer(sql<(Omit<Row, 'event_id'> & { event_id: string | null })[]>`
    SELECT a.*, p.position AS place FROM (
      SELECT position, event_id FROM audit_positions
      WHERE position > ${after} ${agentId === undefined ? sql`` : sql`AND agent_id = ${agentId}`}
      ORDER BY position LIMIT ${limit}
    ) p LEFT JOIN ${visible(db, 'public', viewerId)} ON a.event_id = p.event_id
    ORDER BY p.position`);
  const seen = rows.filter((row): row is Row => row.event_id !== null);
  return {
    events: seen.map((row) => streamed(row, 'public')),
    last: rows.at(-1)?.place ?? after,
    more: rows.length === limit,
  };
}

/** The last place there is: of a chain, or of all events. */
export async function streamEnd(db: Queryable, chainId?: string): Promise<number> {
  const { sql } = db;
  const [row] = await answer(
    chainId === undefined
      ? sql<[{ place: number }]>`SELECT coalesce(max(position), 0) AS place FROM audit_positions`
      : sql<[{ place: number }]>`SELECT coalesce(max(seq), 0) AS place FROM audit_log WHERE chain_id = ${chainId}`,
  );
  return row.place;
}

function streamed(row: Row, audience: AuditAudience): StreamedEvent {
  return { place: row.place, event: shape(row, audience) };
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
