import { sql } from 'drizzle-orm';
import { bigint, index, integer, pgEnum, pgTable, text, unique, uuid, varchar } from 'drizzle-orm/pg-core';
import { descending, jsonb, timestamptz } from './types.js';

/** `dead` is unused; it lets dumps of older servers load. */
export const outboxStatus = pgEnum('outbox_status', ['pending', 'processing', 'processed', 'dead_letter', 'dead']);

/** Append-only by triggers, and without foreign keys, so that history outlives what it is about. */
export const auditLog = pgTable(
  'audit_log',
  {
    eventId: uuid('event_id').primaryKey().defaultRandom(),
    agentId: varchar('agent_id', { length: 64 }).notNull(),
    action: varchar('action', { length: 64 }).notNull(),
    resourceType: varchar('resource_type', { length: 64 }).notNull(),
    resourceId: varchar('resource_id', { length: 64 }).notNull(),
    data: jsonb('data').notNull().default(sql`'{}'::jsonb`).$type<Record<string, unknown>>(),
    timestamp: timestamptz('timestamp').notNull().defaultNow(),
    signature: varchar('signature', { length: 256 }).notNull(),
    chainId: varchar('chain_id', { length: 64 }).notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    eventHash: varchar('event_hash', { length: 64 }).notNull(),
    chainHash: varchar('chain_hash', { length: 64 }).notNull(),
    keyId: varchar('key_id', { length: 64 }),
    /** What was signed, verbatim, so that the signature can be checked again. */
    envelope: text('envelope'),
  },
  (t) => [
    unique('audit_log_chain_id_seq_key').on(t.chainId, t.seq),
    index('idx_audit_log_agent').on(t.agentId),
    index('idx_audit_log_action').on(t.action),
    index('idx_audit_log_resource').on(t.resourceType, t.resourceId),
    index('idx_audit_log_timestamp').on(descending(t.timestamp)),
  ],
);

/** The last link of every chain; its row lock puts concurrent appends in order. */
export const auditChains = pgTable('audit_chains', {
  chainId: varchar('chain_id', { length: 64 }).primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
  head: varchar('head', { length: 64 }).notNull(),
  /** Position that the newest signed checkpoint holds; 0 = none does. */
  checkpointedSeq: bigint('checkpointed_seq', { mode: 'number' }).notNull().default(0),
});

/**
 * Signed statements about the ends of chains. Each names the links that are new since the one before, as hashes, so that a
 * checkpoint is public although some of its chains are not.
 */
export const auditCheckpoints = pgTable('audit_checkpoints', {
  number: bigint('number', { mode: 'number' }).primaryKey(),
  /** Canonical JSON, what the signature covers. */
  payload: text('payload').notNull(),
  /** Base64, Ed25519 by the server's audit key. */
  signature: varchar('signature', { length: 128 }).notNull(),
  createdAt: timestamptz('created_at').notNull(),
});

/** Events that are committed and have no place in the order of all events yet; appended with the event itself. */
export const auditUnplaced = pgTable('audit_unplaced', {
  eventId: uuid('event_id').primaryKey(),
});

/** The order of all events: given after commit by one placer at a time, so a reader never meets a late lower number. */
export const auditPositions = pgTable(
  'audit_positions',
  {
    position: bigint('position', { mode: 'number' }).primaryKey(),
    eventId: uuid('event_id').notNull(),
    agentId: varchar('agent_id', { length: 64 }).notNull(),
  },
  (t) => [index('idx_audit_positions_agent').on(t.agentId, t.position)],
);

export const eventOutbox = pgTable(
  'event_outbox',
  {
    outboxId: uuid('outbox_id').primaryKey().defaultRandom(),
    auditEventId: uuid('audit_event_id')
      .notNull()
      .references(() => auditLog.eventId),
    topic: varchar('topic', { length: 64 }).notNull(),
    status: outboxStatus('status').notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    availableAt: timestamptz('available_at').notNull().defaultNow(),
    lockedAt: timestamptz('locked_at'),
    lockedBy: varchar('locked_by', { length: 64 }),
    lastError: text('last_error'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    processedAt: timestamptz('processed_at'),
  },
  (t) => [
    index('idx_outbox_status_available').on(t.status, t.availableAt),
    index('idx_outbox_topic_status').on(t.topic, t.status, t.availableAt),
  ],
);
