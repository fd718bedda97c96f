import { index, integer, pgTable, varchar } from 'drizzle-orm/pg-core';
import { jsonb, timestamptz } from './types.js';

export const idempotencyResults = pgTable(
  'idempotency_results',
  {
    nonceHash: varchar('nonce_hash', { length: 64 }).primaryKey(),
    agentId: varchar('agent_id', { length: 64 }).notNull(),
    action: varchar('action', { length: 64 }).notNull(),
    statusCode: integer('status_code').notNull(),
    responseJson: jsonb('response_json').notNull(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    expiresAt: timestamptz('expires_at').notNull(),
    fingerprint: varchar('fingerprint', { length: 64 }),
  },
  (t) => [
    index('idx_idempotency_expires').on(t.expiresAt),
    index('idx_idempotency_agent_action').on(t.agentId, t.action),
  ],
);
