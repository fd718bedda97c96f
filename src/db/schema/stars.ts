import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { agents } from './agents.js';
import { repositories } from './repositories.js';
import { descending, timestamptz } from './types.js';

export const starAction = pgEnum('star_action', ['star', 'unstar']);
export const trendingWindow = pgEnum('trending_window', ['1h', '24h', '7d', '30d']);

export const repoStars = pgTable(
  'repo_stars',
  {
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    agentId: varchar('agent_id', { length: 64 })
      .notNull()
      .references(() => agents.agentId, { onDelete: 'cascade' }),
    reason: text('reason'),
    reasonPublic: boolean('reason_public').notNull().default(false),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.repoId, t.agentId] }),
    check('repo_stars_reason_check', sql`length(${t.reason}) <= 500`),
    index('idx_repo_stars_agent').on(t.agentId),
    index('idx_repo_stars_created').on(descending(t.createdAt)),
  ],
);

export const repoStarCounts = pgTable(
  'repo_star_counts',
  {
    repoId: varchar('repo_id', { length: 64 })
      .primaryKey()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    stars: integer('stars').notNull().default(0),
    updatedAt: timestamptz('updated_at').notNull().defaultNow(),
  },
  (t) => [check('repo_star_counts_stars_check', sql`${t.stars} >= 0`)],
);

/** What happened, kept after the star or the repository is gone; hence no foreign keys. */
export const starEvents = pgTable(
  'star_events',
  {
    eventId: uuid('event_id').primaryKey().defaultRandom(),
    repoId: varchar('repo_id', { length: 64 }).notNull(),
    agentId: varchar('agent_id', { length: 64 }).notNull(),
    action: starAction('action').notNull(),
    timestamp: timestamptz('timestamp').notNull().defaultNow(),
    nonce: varchar('nonce', { length: 36 }).notNull(),
    signature: varchar('signature', { length: 256 }).notNull(),
  },
  (t) => [
    index('idx_star_events_repo').on(t.repoId),
    index('idx_star_events_agent').on(t.agentId),
    index('idx_star_events_timestamp').on(descending(t.timestamp)),
  ],
);

export const repoTrendingScores = pgTable(
  'repo_trending_scores',
  {
    window: trendingWindow('window').notNull(),
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    weightedScore: numeric('weighted_score', { precision: 10, scale: 4 }).notNull().default('0'),
    starsDelta: integer('stars_delta').notNull().default(0),
    computedAt: timestamptz('computed_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.window, t.repoId] }),
    index('idx_trending_scores_window_score').on(t.window, descending(t.weightedScore)),
  ],
);
