import {
  bigint,
  boolean,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  unique,
  varchar,
} from 'drizzle-orm/pg-core';
import { agents } from './agents.js';
import { timestamptz } from './types.js';

export const visibility = pgEnum('visibility', ['public', 'private']);
export const accessRole = pgEnum('access_role', ['read', 'write', 'admin']);

/** `off`: not taken; `if-present`: verified when a push brings one; `required`: a push without one is refused. */
export type PushCertPolicy = 'off' | 'if-present' | 'required';

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
    /** The repository this one was forked from; kept as a fact when that one is gone, hence no foreign key. */
    forkedFrom: varchar('forked_from', { length: 64 }),
    /** Number of the newest pull request; 0 = none yet. Raised under the row's lock, so numbers have no gaps. */
    lastPullNumber: integer('last_pull_number').notNull().default(0),
    /** What is asked of push certificates: `off`, `if-present` or `required`. */
    pushCertPolicy: varchar('push_cert_policy', { length: 16 }).notNull().default('if-present').$type<PushCertPolicy>(),
    /** Raised when packs are replaced; packs that are only added do not count. */
    packsVersion: bigint('packs_version', { mode: 'number' }).notNull().default(0),
    /** Raised when objects that no ref reaches leave the active packs. */
    collectedVersion: bigint('collected_version', { mode: 'number' }).notNull().default(0),
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

/** Rules for refs of a repository, enforced wherever refs move: git, API and merge. */
export const branchProtections = pgTable(
  'branch_protections',
  {
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    /** Branch name without `refs/heads/`; `*` matches within one segment, `**` across segments. */
    pattern: varchar('pattern', { length: 256 }).notNull(),
    noForce: boolean('no_force').notNull().default(true),
    noDelete: boolean('no_delete').notNull().default(true),
    /** 0 = a push may move the branch; above 0 only the merge of a pull request with so many approvals may. */
    requiredApprovals: integer('required_approvals').notNull().default(0),
    requiredCi: boolean('required_ci').notNull().default(false),
    requiredPushCert: boolean('required_push_cert').notNull().default(false),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.repoId, t.pattern] })],
);
