import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, pgEnum, pgTable, text, uuid, varchar } from 'drizzle-orm/pg-core';
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
    logs: text('logs').notNull().default(''),
  },
  (t) => [
    index('idx_ci_runs_pr').on(t.prId),
    index('idx_ci_runs_repo').on(t.repoId),
    index('idx_ci_runs_status').on(t.status),
    index('idx_ci_runs_started').on(descending(t.startedAt)),
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
