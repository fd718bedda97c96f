import { bigint, index, pgEnum, pgTable, primaryKey, text, unique, varchar } from 'drizzle-orm/pg-core';
import { agents } from './agents.js';
import { timestamptz } from './types.js';

export const visibility = pgEnum('visibility', ['public', 'private']);
export const accessRole = pgEnum('access_role', ['read', 'write', 'admin']);

export const repositories = pgTable(
  'repositories',
  {
    repoId: varchar('repo_id', { length: 64 }).primaryKey(),
    ownerId: varchar('owner_id', { length: 64 })
      .notNull()
      .references(() => agents.agentId),
    name: varchar('name', { length: 256 }).notNull(),
    description: text('description'),
    visibility: visibility('visibility').notNull().default('public'),
    defaultBranch: varchar('default_branch', { length: 128 }).notNull().default('main'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    /** Raised by every committed ref change; caches of refs and of the commit graph are keyed by it. */
    refsVersion: bigint('refs_version', { mode: 'number' }).notNull().default(0),
  },
  (t) => [
    unique('repositories_owner_id_name_key').on(t.ownerId, t.name),
    index('idx_repositories_owner').on(t.ownerId),
    index('idx_repositories_visibility').on(t.visibility),
  ],
);

export const repoAccess = pgTable(
  'repo_access',
  {
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    agentId: varchar('agent_id', { length: 64 })
      .notNull()
      .references(() => agents.agentId, { onDelete: 'cascade' }),
    role: accessRole('role').notNull(),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.repoId, t.agentId] }), index('idx_repo_access_agent').on(t.agentId)],
);
