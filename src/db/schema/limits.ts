import { sql } from 'drizzle-orm';
import { index, integer, pgTable, primaryKey, varchar } from 'drizzle-orm/pg-core';
import { timestamptz } from './types.js';

/** Calls counted per minute; a sliding window is the sum of its buckets. Shared by all nodes. */
export const rateLimitBuckets = pgTable(
  'rate_limit_buckets',
  {
    /** An agent id, or a client address for calls without an agent. */
    subject: varchar('subject', { length: 64 }).notNull(),
    action: varchar('action', { length: 64 }).notNull(),
    /** Start of the bucket. */
    bucket: timestamptz('bucket').notNull(),
    used: integer('used').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.subject, t.action, t.bucket] }),
    index('idx_rate_limit_buckets_bucket').on(t.bucket),
  ],
);

/** Sessions of operators, shared by all nodes. */
export const adminSessions = pgTable(
  'admin_sessions',
  {
    /** Hex SHA-256 of the token: a leaked dump opens no session. */
    tokenHash: varchar('token_hash', { length: 64 }).primaryKey(),
    username: varchar('username', { length: 64 }).notNull(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    expiresAt: timestamptz('expires_at').notNull(),
  },
  (t) => [index('idx_admin_sessions_expires').on(t.expiresAt)],
);

/** Failed logins per client address, to slow down guessing on all nodes together. */
export const adminLoginFailures = pgTable('admin_login_failures', {
  clientIp: varchar('client_ip', { length: 64 }).primaryKey(),
  failures: integer('failures').notNull().default(0),
  lastAt: timestamptz('last_at').notNull().default(sql`now()`),
});
