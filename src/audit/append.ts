/** The only writer of audit rows. */
import { randomUUID } from 'node:crypto';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { linkOutbox } from '../telemetry/index.js';
import { GENESIS, hashEvent, hashLink, storable, storableText } from './event.js';

/** Work for the background that follows from an event. */
export type OutboxTopic = 'trending' | 'reputation' | 'analytics' | 'webhook' | 'ci_run';

export interface NewAuditEvent {
  /** Who acted; `system` for the server itself, the user name for an admin. */
  agentId: string;
  action: string;
  resourceType: string;
  resourceId: string;
  /** JSON with snake_case keys; each action has its own. */
  data: Record<string, unknown>;
  /** At most 256 characters; longer proofs belong into `envelope`. */
  signature: string;
  /** Default: the repository that the event is about (`resourceId` or `data.repo_id`), otherwise {@link GLOBAL_CHAIN}. */
  chainId?: string | undefined;
  keyId?: string | null | undefined;
  /** What was signed, verbatim. */
  envelope?: string | null | undefined;
  topics?: readonly OutboxTopic[] | undefined;
  /** Default: the transaction's time by the database's clock. */
  timestamp?: Date | undefined;
}

/** Postgres channel that tells of new outbox rows once they are committed; the payload is their topic. */
export const OUTBOX_CHANNEL = 'gitclaw_outbox';

/** Postgres channel that tells of new events once they are committed; the payload is their chain. */
export const EVENTS_CHANNEL = 'gitclaw_events';

/** The chain of events that belong to no repository. */
export const GLOBAL_CHAIN = 'global';

/**
 * Appends an event to its chain, and the outbox rows that follow from it, in the transaction of the change it records.
 * Appends to one chain wait for each other until commit, so call this late in the transaction.
 * @throws AppError AUDIT_ERROR; the transaction is lost then
 */
export async function appendAudit(tx: Tx, event: NewAuditEvent): Promise<{ eventId: string }> {
  const eventId = randomUUID();
  try {
    await insert(tx, eventId, event);
  } catch (cause) {
    throw new AppError('AUDIT_ERROR', { cause });
  }
  linkOutbox(eventId, event.topics ?? []);
  return { eventId };
}

async function insert(tx: Tx, eventId: string, event: NewAuditEvent): Promise<void> {
  const row = {
    eventId,
    agentId: event.agentId,
    action: event.action,
    resourceType: event.resourceType,
    resourceId: event.resourceId,
    data: storable(event.data) as Record<string, unknown>,
    timestamp: event.timestamp ?? (await tx.now()),
    signature: event.signature,
    keyId: event.keyId ?? null,
    envelope: event.envelope == null ? null : storableText(event.envelope),
    chainId: event.chainId ?? chainOf(event),
  };
  const topics = [...(event.topics ?? [])];
  const hash = hashEvent(row);
  // One statement: the chain's row is locked, read and moved on in one step, so links cannot interleave.
  await tx.sql`
    WITH chain AS (
      INSERT INTO audit_chains (chain_id, seq, head) VALUES (${row.chainId}, 1, ${hashLink(GENESIS, hash)})
      ON CONFLICT (chain_id) DO UPDATE SET
        seq = audit_chains.seq + 1,
        head = encode(sha256(convert_to(audit_chains.head || ${hash}::text, 'UTF8')), 'hex')
      RETURNING seq, head
    ), event AS (
      INSERT INTO audit_log (event_id, agent_id, action, resource_type, resource_id, data, timestamp, signature, chain_id,
        seq, event_hash, chain_hash, key_id, envelope)
      SELECT ${row.eventId}::uuid, ${row.agentId}, ${row.action}, ${row.resourceType}, ${row.resourceId},
        ${JSON.stringify(row.data)}::jsonb, ${row.timestamp}::timestamptz, ${row.signature}, ${row.chainId},
        chain.seq, ${hash}, chain.head, ${row.keyId}, ${row.envelope}
      FROM chain RETURNING event_id
    ), outbox AS (
      INSERT INTO event_outbox (audit_event_id, topic)
      SELECT event.event_id, topic FROM event, unnest(${topics}::text[]) AS topic
    )
    INSERT INTO audit_unplaced (event_id) SELECT event_id FROM event`;
  for (const topic of topics) tx.notify(OUTBOX_CHANNEL, topic);
  tx.notify(EVENTS_CHANNEL, row.chainId);
}

function chainOf(event: NewAuditEvent): string {
  if (event.resourceType === 'repository') return event.resourceId;
  return typeof event.data.repo_id === 'string' ? event.data.repo_id : GLOBAL_CHAIN;
}
