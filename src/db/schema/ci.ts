import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { pullRequests } from './pulls.js';
import { repositories } from './repositories.js';
import { descending, jsonb, timestamptz } from './types.js';

export const ciRunStatus = pgEnum('ci_run_status', [
  'pending',
  'running',
  'passed',
  'failed',
  'cancelled',
  'timed_out',
]);

export const ciRuns = pgTable(
  'ci_runs',
  {
    runId: varchar('run_id', { length: 64 }).primaryKey(),
    prId: varchar('pr_id', { length: 64 })
      .notNull()
      .references(() => pullRequests.prId, { onDelete: 'cascade' }),
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    commitSha: varchar('commit_sha', { length: 40 }).notNull(),
    status: ciRunStatus('status').notNull().default('pending'),
    config: jsonb('config').notNull().default(sql`'{}'::jsonb`),
    startedAt: timestamptz('started_at').notNull().defaultNow(),
    completedAt: timestamptz('completed_at'),
    /** The whole log of a run that has ended; empty while `log_key` names it. */
    logs: text('logs').notNull().default(''),
    /** Where a log lies that is too large for a row. */
    logKey: varchar('log_key', { length: 256 }),
    /** Head of the pull request when the run was created; a run is out of date once this is not the head any more. */
    headOid: varchar('head_oid', { length: 40 }),
    /** Counts the runners that took the run; what one of an earlier number writes is refused. */
    fence: integer('fence').notNull().default(0),
    /** The runner at work, and until when it may be believed to live. */
    leasedBy: varchar('leased_by', { length: 64 }),
    leaseUntil: timestamptz('lease_until'),
  },
  (t) => [
    index('idx_ci_runs_pr').on(t.prId),
    index('idx_ci_runs_repo').on(t.repoId),
    index('idx_ci_runs_status').on(t.status),
    index('idx_ci_runs_started').on(descending(t.startedAt)),
    uniqueIndex('idx_ci_runs_active').on(t.prId).where(sql`${t.status} IN ('pending', 'running')`),
  ],
);

export const ciStepResults = pgTable(
  'ci_step_results',
  {
    stepId: uuid('step_id').primaryKey().defaultRandom(),
    runId: varchar('run_id', { length: 64 })
      .notNull()
      .references(() => ciRuns.runId, { onDelete: 'cascade' }),
    stepName: varchar('step_name', { length: 256 }).notNull(),
    stepOrder: integer('step_order').notNull(),
    exitCode: integer('exit_code'),
    stdout: text('stdout'),
    stderr: text('stderr'),
    durationMs: bigint('duration_ms', { mode: 'number' }),
    passed: boolean('passed').notNull().default(false),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [index('idx_ci_step_results_run').on(t.runId)],
);

/** Output of a run as it comes, kept for a while after its end for those who follow it. */
export const ciLogChunks = pgTable(
  'ci_log_chunks',
  {
    runId: varchar('run_id', { length: 64 })
      .notNull()
      .references(() => ciRuns.runId, { onDelete: 'cascade' }),
    fence: integer('fence').notNull(),
    seq: integer('seq').notNull(),
    stepOrder: integer('step_order').notNull(),
    stream: varchar('stream', { length: 8 }).notNull(),
    text: text('text').notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.fence, t.seq] })],
);

/** Runners that were alive lately, to tell whether anybody is there to take a run. */
export const ciRunners = pgTable('ci_runners', {
  runnerId: varchar('runner_id', { length: 64 }).primaryKey(),
  driver: varchar('driver', { length: 32 }).notNull(),
  seenAt: timestamptz('seen_at').notNull().defaultNow(),
});
