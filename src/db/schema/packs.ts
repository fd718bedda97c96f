import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  varchar,
} from 'drizzle-orm/pg-core';
import { repositories } from './repositories.js';
import { bytea, timestamptz } from './types.js';

export const migrationStatus = pgEnum('migration_status', ['pending', 'in_progress', 'completed', 'failed']);

/** Packs of a repository; one row per pack file that a fetch may read. */
export const packs = pgTable(
  'packs',
  {
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    hash: varchar('hash', { length: 40 }).notNull(),
    /** The repository under whose prefix the files lie, when that is another one: forks share packs by reference. */
    storedIn: varchar('stored_in', { length: 64 }),
    /** Order of arrival over all repositories. */
    seq: bigserial('seq', { mode: 'number' }).notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    objects: integer('objects').notNull(),
    /** Every object is reachable from the tips, so the pack may be served whole to who may see them. */
    tight: boolean('tight').notNull(),
    /** The pushed object ids, 20 bytes each. */
    tips: bytea('tips').notNull(),
    /** Commits and tags of the pack; see git/graph/segment.ts. */
    segment: bytea('segment').notNull(),
    state: varchar('state', { length: 16 }).notNull().default('active'),
    /** Position in index order from which the unpack job goes on. */
    unpackNext: integer('unpack_next').notNull().default(0),
    unpackedAt: timestamptz('unpacked_at'),
    unpackLockedAt: timestamptz('unpack_locked_at'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.repoId, t.hash] }),
    index('idx_packs_repo_seq').on(t.repoId, t.seq),
    index('idx_packs_stored_in').on(t.storedIn).where(sql`${t.storedIn} IS NOT NULL`),
    index('idx_packs_to_unpack').on(t.seq).where(sql`${t.unpackedAt} IS NULL`),
  ],
);

/** Packs being uploaded: files without a row in `packs` that are older than their row here are leftovers. */
export const stagedPacks = pgTable(
  'staged_packs',
  {
    repoId: varchar('repo_id', { length: 64 }).notNull(),
    hash: varchar('hash', { length: 40 }).notNull(),
    startedAt: timestamptz('started_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.repoId, t.hash] })],
);

/** Secrets that all nodes share and none brings along, such as the key of push certificate nonces. */
export const serverSecrets = pgTable('server_secrets', {
  name: varchar('name', { length: 64 }).primaryKey(),
  value: text('value').notNull(),
});
