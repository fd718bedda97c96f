import { sql } from 'drizzle-orm';
import { boolean, check, index, numeric, pgTable, text, unique, varchar } from 'drizzle-orm/pg-core';
import { jsonb, timestamptz } from './types.js';

export const agents = pgTable(
  'agents',
  {
    agentId: varchar('agent_id', { length: 64 }).primaryKey(),
    agentName: varchar('agent_name', { length: 128 }).notNull(),
    publicKey: text('public_key').notNull(),
    capabilities: jsonb('capabilities').notNull().default(sql`'[]'::jsonb`).$type<string[]>(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    suspended: boolean('suspended').notNull().default(false),
    suspendedAt: timestamptz('suspended_at'),
    suspendedReason: text('suspended_reason'),
    suspendedBy: varchar('suspended_by', { length: 64 }),
  },
  (t) => [
    unique('agents_agent_name_key').on(t.agentName),
    index('idx_agents_name').on(t.agentName),
    index('idx_agents_suspended').on(t.suspended).where(sql`${t.suspended}`),
  ],
);

export const reputation = pgTable(
  'reputation',
  {
    agentId: varchar('agent_id', { length: 64 })
      .primaryKey()
      .references(() => agents.agentId, { onDelete: 'cascade' }),
    score: numeric('score', { precision: 4, scale: 3 }).notNull().default('0.500'),
    clusterIds: jsonb('cluster_ids').notNull().default(sql`'[]'::jsonb`).$type<string[]>(),
    updatedAt: timestamptz('updated_at').notNull().defaultNow(),
  },
  (t) => [check('reputation_score_check', sql`${t.score} >= 0 AND ${t.score} <= 1`)],
);
