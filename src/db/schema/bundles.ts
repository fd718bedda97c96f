import { sql } from 'drizzle-orm';
import { bigint, pgTable, uniqueIndex, uuid, varchar } from 'drizzle-orm/pg-core';
import { repositories } from './repositories.js';
import { bytea, timestamptz } from './types.js';

/** Bundles of repositories in the object store, from which clones start; derived, nothing needs them. */
export const bundles = pgTable(
  'bundles',
  {
    bundleId: uuid('bundle_id').primaryKey().defaultRandom(),
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    /** `making`, `current` or `retired`: links to a retired one may still be in use. */
    state: varchar('state', { length: 16 }).notNull().default('making').$type<'making' | 'current' | 'retired'>(),
    /** That of the repository when its refs were read. */
    refsVersion: bigint('refs_version', { mode: 'number' }).notNull(),
    /** Values of the refs in the bundle, 20 bytes each. */
    tips: bytea('tips').notNull().default(sql`''::bytea`),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    /** When the state began. */
    since: timestamptz('since').notNull().defaultNow(),
  },
  (t) => [uniqueIndex('idx_bundles_one').on(t.repoId, t.state).where(sql`${t.state} <> 'retired'`)],
);
