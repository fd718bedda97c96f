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
  smallint,
  text,
  varchar,
} from 'drizzle-orm/pg-core';
import { repositories } from './repositories.js';
import { bytea, timestamptz } from './types.js';

export const migrationStatus = pgEnum('migration_status', ['pending', 'in_progress', 'completed', 'failed']);

export type PackState = 'active' | 'superseded' | 'condemned';

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
    /**
     * `active`: read by new requests; `superseded`: everything in it is in active packs too; `condemned`: holds objects
     * that no ref reaches. The latter two are only read by requests that began before.
     */
    state: varchar('state', { length: 16 }).notNull().default('active').$type<PackState>(),
    /** Of a merged pack: `seq` of the oldest pack in it; its own is that of the newest. Null for packs of one push. */
    firstSeq: bigint('first_seq', { mode: 'number' }),
    /** Order of packs with the same `seq`. */
    part: smallint('part').notNull().default(0),
    /** When the pack stopped being active. */
    retiredAt: timestamptz('retired_at'),
    /** Place in the order of the file from which the unpack job goes on. */
    unpackNext: integer('unpack_next').notNull().default(0),
    unpackedAt: timestamptz('unpacked_at'),
    unpackLockedAt: timestamptz('unpack_locked_at'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.repoId, t.hash] }),
    // Of active packs only: every request reads those, and a busy repository has thousands of others.
    index('idx_packs_active').on(t.repoId, t.seq).where(sql`${t.state} = 'active'`),
    index('idx_packs_stored_in').on(t.storedIn).where(sql`${t.storedIn} IS NOT NULL`),
    index('idx_packs_to_unpack').on(t.seq).where(sql`${t.unpackedAt} IS NULL`),
    index('idx_packs_retired').on(t.retiredAt).where(sql`${t.retiredAt} IS NOT NULL`),
  ],
);

/** Packs being uploaded: files without a row in `packs` that are older than their row here are leftovers. */
export const stagedPacks = pgTable(
  'staged_packs',
  {
    repoId: varchar('repo_id', { length: 64 }).notNull(),
    hash: varchar('hash', { length: 40 }).notNull(),
    startedAt: timestamptz('started_at').notNull().defaultNow(),
    /** Ids of the objects that are stored loose beside it, 20 bytes each; null = not known. */
    loose: bytea('loose'),
  },
  (t) => [primaryKey({ columns: [t.repoId, t.hash] })],
);

/** Repositories whose packs are to be looked at: one row from the first new pack until nothing is left to be done. */
export const packMaintenance = pgTable(
  'pack_maintenance',
  {
    repoId: varchar('repo_id', { length: 64 })
      .primaryKey()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    /** Packs that came since the last look. */
    newPacks: integer('new_packs').notNull().default(0),
    changedAt: timestamptz('changed_at').notNull().defaultNow(),
    /** While a node works on the repository, and for a pause after a failure. */
    lockedUntil: timestamptz('locked_until'),
  },
  (t) => [index('idx_pack_maintenance_changed').on(t.changedAt)],
);

/**
 * Values that refs had and may not be reached from any ref now: deleted, rewritten, or received without becoming one.
 * What they reach is kept until they are old enough, and then collected.
 */
export const formerTips = pgTable(
  'former_tips',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    oid: varchar('oid', { length: 40 }).notNull(),
    leftAt: timestamptz('left_at').notNull().defaultNow(),
  },
  (t) => [index('idx_former_tips_repo').on(t.repoId), index('idx_former_tips_left').on(t.leftAt)],
);

/** Secrets that all nodes share and none brings along, such as the key of push certificate nonces. */
export const serverSecrets = pgTable('server_secrets', {
  name: varchar('name', { length: 64 }).primaryKey(),
  value: text('value').notNull(),
});
