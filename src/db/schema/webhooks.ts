import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, text, uniqueIndex, uuid, varchar } from 'drizzle-orm/pg-core';
import { repositories } from './repositories.js';
import { descending, jsonb, timestamptz } from './types.js';

/** Where a repository's events are sent. */
export const webhooks = pgTable(
  'webhooks',
  {
    webhookId: varchar('webhook_id', { length: 64 }).primaryKey(),
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    url: text('url').notNull(),
    /** Readable, because every delivery is signed with it anew. */
    secret: varchar('secret', { length: 128 }).notNull(),
    events: jsonb('events').notNull().$type<string[]>(),
    active: boolean('active').notNull().default(true),
    createdBy: varchar('created_by', { length: 64 }).notNull(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    updatedAt: timestamptz('updated_at').notNull().defaultNow(),
  },
  (t) => [index('idx_webhooks_repo').on(t.repoId)],
);

/** One event on its way to one webhook. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    deliveryId: uuid('delivery_id').primaryKey().defaultRandom(),
    webhookId: varchar('webhook_id', { length: 64 })
      .notNull()
      .references(() => webhooks.webhookId, { onDelete: 'cascade' }),
    /** Row of audit_log, which is never deleted. */
    auditEventId: uuid('audit_event_id').notNull(),
    event: varchar('event', { length: 64 }).notNull(),
    /** pending, sending, delivered or dead_letter. */
    status: varchar('status', { length: 16 }).notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    availableAt: timestamptz('available_at').notNull().defaultNow(),
    lockedAt: timestamptz('locked_at'),
    responseStatus: integer('response_status'),
    responseBody: text('response_body'),
    error: text('error'),
    durationMs: integer('duration_ms'),
    /** The delivery that somebody asked to repeat. */
    redeliveryOf: uuid('redelivery_of'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    deliveredAt: timestamptz('delivered_at'),
  },
  (t) => [
    uniqueIndex('idx_webhook_deliveries_once').on(t.webhookId, t.auditEventId).where(sql`${t.redeliveryOf} IS NULL`),
    index('idx_webhook_deliveries_due').on(t.availableAt).where(sql`${t.status} IN ('pending', 'sending')`),
    index('idx_webhook_deliveries_webhook').on(t.webhookId, descending(t.createdAt)),
    index('idx_webhook_deliveries_created').on(t.createdAt),
  ],
);
