import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, primaryKey, text, unique, uuid, varchar } from 'drizzle-orm/pg-core';
import { repositories } from './repositories.js';
import { descending, jsonb, timestamptz } from './types.js';

export const repoRefs = pgTable(
  'repo_refs',
  {
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    refName: varchar('ref_name', { length: 256 }).notNull(),
    oid: varchar('oid', { length: 40 }).notNull(),
    updatedAt: timestamptz('updated_at').notNull().defaultNow(),
    /** What an annotated tag finally points at; null for other refs. */
    peeledOid: varchar('peeled_oid', { length: 40 }),
  },
  (t) => [
    primaryKey({ columns: [t.repoId, t.refName] }),
    index('idx_repo_refs_repo').on(t.repoId),
    index('idx_repo_refs_oid').on(t.oid),
  ],
);

export const pushEvents = pgTable(
  'push_events',
  {
    eventId: uuid('event_id').primaryKey().defaultRandom(),
    repoId: varchar('repo_id', { length: 64 }).notNull(),
    agentId: varchar('agent_id', { length: 64 }).notNull(),
    refUpdates: jsonb('ref_updates').notNull().default(sql`'[]'::jsonb`).$type<unknown[]>(),
    packfileHash: varchar('packfile_hash', { length: 64 }).notNull(),
    objectsCount: integer('objects_count').notNull().default(0),
    forcePush: boolean('force_push').notNull().default(false),
    timestamp: timestamptz('timestamp').notNull().defaultNow(),
    nonce: varchar('nonce', { length: 36 }).notNull(),
    signature: varchar('signature', { length: 256 }).notNull(),
    /** What `git push -o` said, in its order. */
    pushOptions: jsonb('push_options').notNull().default(sql`'[]'::jsonb`).$type<string[]>(),
  },
  (t) => [
    index('idx_push_events_repo').on(t.repoId),
    index('idx_push_events_agent').on(t.agentId),
    index('idx_push_events_timestamp').on(descending(t.timestamp)),
  ],
);

/**
 * Verified certificates of signed pushes (`git push --signed`). Like push events they outlive their repository, and no
 * row is ever changed, so that a push can be proved again with the key that was valid then.
 */
export const pushCertificates = pgTable(
  'push_certificates',
  {
    /** That of the push event. */
    eventId: uuid('event_id').primaryKey(),
    repoId: varchar('repo_id', { length: 64 }).notNull(),
    agentId: varchar('agent_id', { length: 64 }).notNull(),
    keyId: varchar('key_id', { length: 64 }).notNull(),
    /** Ours; a certificate is good for one push. */
    nonce: varchar('nonce', { length: 128 }).notNull(),
    /** As received, with its signature. */
    certificate: text('certificate').notNull(),
    /** Hex SHA-256 of the certificate. */
    certificateHash: varchar('certificate_hash', { length: 64 }).notNull(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [unique('push_certificates_repo_id_nonce_key').on(t.repoId, t.nonce)],
);
