/** Runs, steps and logs as they leave. */
import { z } from 'zod';
import { ciConfig } from './config-file.js';
import type { StepResult } from './log-store.js';
import { isFinal, RUN_STATUSES, type Run } from './run.js';
import type { StoredRun } from './store.js';

const time = z.iso.datetime({ precision: 3 });
const status = z.enum(RUN_STATUSES);

export const runView = z.object({
  runId: z.string(),
  prId: z.string(),
  repoId: z.string(),
  commitSha: z.string().length(40),
  status,
  startedAt: time,
  completedAt: time.nullable(),
});

export const runDetailView = runView.extend({
  steps: z.array(
    z.object({
      name: z.string(),
      order: z.int().min(0),
      exitCode: z.int().nullable(),
      durationMs: z.int().min(0).nullable(),
      passed: z.boolean(),
    }),
  ),
});

export const stepLogView = z.object({
  step: z.string(),
  output: z.string(),
  /** `skipped` = the run ended before this step. */
  status: z.enum(['pending', 'running', 'passed', 'failed', 'skipped']),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
});

/** After a trigger or a cancel. */
export const runChangeView = z.object({ runId: z.string(), status, message: z.string() });

export function showRun({ startedAt, completedAt, ...run }: Run): z.output<typeof runView> {
  const { runId, prId, repoId, commitSha, status } = run;
  const times = { startedAt: startedAt.toISOString(), completedAt: completedAt?.toISOString() ?? null };
  return { runId, prId, repoId, commitSha, status, ...times };
}

export function showRunDetail(run: Run, steps: readonly StepResult[]): z.output<typeof runDetailView> {
  const shown = steps.map(({ name, order, exitCode, durationMs, passed }) => ({
    name,
    order,
    exitCode,
    durationMs,
    passed,
  }));
  return { ...showRun(run), steps: shown };
}

/** Every step of the configuration, also those that have not begun. */
export function showStepLogs(run: StoredRun, steps: readonly StepResult[]): z.output<typeof stepLogView>[] {
  const begun = new Map(steps.map((step) => [step.order, step]));
  const config = ciConfig.safeParse(run.config);
  const ended = isFinal(run.status);
  if (!config.success) {
    const [startedAt, finishedAt] = [run.startedAt.toISOString(), run.completedAt?.toISOString() ?? null];
    return [{ step: 'configuration', output: run.logs, status: 'failed', startedAt, finishedAt }];
  }
  return config.data.steps.map(({ name }, order) => {
    const step = begun.get(order);
    if (step === undefined) {
      return { step: name, output: '', status: ended ? 'skipped' : 'pending', startedAt: null, finishedAt: null };
    }
    const isDone = step.durationMs !== null;
    const finishedAt = isDone ? new Date(step.startedAt.getTime() + (step.durationMs ?? 0)) : run.completedAt;
    return {
      step: name,
      output: [step.stdout, step.stderr].filter(Boolean).join('\n'),
      status: isDone || ended ? (step.passed ? 'passed' : 'failed') : 'running',
      startedAt: step.startedAt.toISOString(),
      finishedAt: finishedAt?.toISOString() ?? null,
    };
  });
}
