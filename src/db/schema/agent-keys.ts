import { index, pgTable, text, unique, varchar } from 'drizzle-orm/pg-core';
import { agents } from './agents.js';
import { timestamptz } from './types.js';

/** Every key an agent ever had; a revoked one stays so that old audit rows can still be verified. */
export const agentKeys = pgTable(
  'agent_keys',
  {
    keyId: varchar('key_id', { length: 64 }).primaryKey(),
    agentId: varchar('agent_id', { length: 64 })
      .notNull()
      .references(() => agents.agentId, { onDelete: 'cascade' }),
    publicKey: text('public_key').notNull(),
    keyType: varchar('key_type', { length: 16 }).notNull(),
    fingerprint: varchar('fingerprint', { length: 64 }).notNull(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    revokedAt: timestamptz('revoked_at'),
  },
  (t) => [
    unique('agent_keys_agent_id_fingerprint_key').on(t.agentId, t.fingerprint),
    index('idx_agent_keys_agent').on(t.agentId),
  ],
);
