/** One claimed run from its checkout to its result. */
import type { AppContext } from '../context.js';
import { lockPull } from '../pulls/index.js';
import { checkoutTar } from './checkout.js';
import type { CiStep } from './config-file.js';
import { cancelRun, completeRun, SYSTEM } from './create-run.js';
import { type Sandbox, type SandboxDriver, SandboxError } from './drivers/contract.js';
import type { Lease } from './lease.js';
import { type ClaimedRun, returnRun } from './lease-store.js';
import { beginStep, finishStep, LostLease } from './log-store.js';
import { isLarge, type StepLog, stepText, storeLog, tail } from './log-text.js';
import type { FinalStatus } from './run.js';
import { StepOutput } from './step-output.js';
import { lockRun } from './store.js';

interface Result {
  status: 'passed' | 'failed';
  /** Behind the steps' own text in the log. */
  note: string;
}

/** What became of a run in the hands of a runner. */
export type RunEnd = FinalStatus | 'returned' | 'lost';

/**
 * Executes a run and records its result; a run that is in other hands by then is left alone.
 * @returns the result, `returned` when the run was given back, `lost` when it was in other hands
 * @throws whatever the database or the object store reports; the lease runs out then and another runner tries again
 */
export async function executeRun(
  ctx: AppContext,
  driver: SandboxDriver,
  run: ClaimedRun,
  lease: Lease,
): Promise<RunEnd> {
  const steps: StepLog[] = [];
  const timer = setTimeout(() => lease.end('timeout'), run.config.timeout * 1000);
  let result: Result;
  try {
    result = await runSteps(ctx, driver, run, lease, steps);
  } catch (error) {
    if (lease.reason === undefined && error instanceof LostLease) lease.end('lost');
    if (lease.reason === undefined) throw error;
    result = { status: 'failed', note: '' };
  } finally {
    clearTimeout(timer);
  }
  const { reason } = lease;
  if (reason === 'lost') return 'lost';
  if (reason === 'stopping') {
    await returnRun(ctx.db, run);
    return 'returned';
  }
  if (reason === 'outdated') {
    return (await record(ctx, run, (tx) => cancelRun(tx, run, SYSTEM, 'superseded'))) ? 'cancelled' : 'lost';
  }
  const isLate = reason === 'timeout';
  const note = isLate ? `\nThe run was stopped after ${run.config.timeout} seconds.\n` : result.note;
  const log = await storeLog(ctx, run, steps.map(stepText).join('') + note);
  const status = isLate ? 'timed_out' : result.status;
  if (await record(ctx, run, (tx) => completeRun(tx, run, status, log))) return status;
  if (log.logKey !== null) await ctx.objects.delete([log.logKey]);
  return 'lost';
}

/** @param steps filled with what every step that began has to say */
async function runSteps(
  ctx: AppContext,
  driver: SandboxDriver,
  run: ClaimedRun,
  lease: Lease,
  steps: StepLog[],
): Promise<Result> {
  const { config } = run;
  const checkout = checkoutTar(ctx, run, config.resources.disk);
  let sandbox: Sandbox;
  try {
    sandbox = await driver.open({ runId: run.runId, config, checkout, signal: lease.signal });
  } catch (error) {
    if (error instanceof SandboxError) return { status: 'failed', note: `${error.message}\n` };
    throw error;
  }
  try {
    const output = new StepOutput(ctx.db, run, (error) => {
      ctx.log.debug({ runId: run.runId, err: error }, 'output of a CI run could not be written');
      lease.end('lost');
    });
    for (const [order, step] of config.steps.entries()) {
      const goOn = await runStep(ctx, sandbox, run, { step, order, output, steps, lease });
      if (!goOn) return { status: 'failed', note: '' };
    }
    return { status: 'passed', note: '' };
  } finally {
    await sandbox.close();
  }
}

/** @returns whether the next step may run */
async function runStep(
  ctx: AppContext,
  sandbox: Sandbox,
  run: ClaimedRun,
  {
    step,
    order,
    output,
    steps,
    lease,
  }: { step: CiStep; order: number; output: StepOutput; steps: StepLog[]; lease: Lease },
): Promise<boolean> {
  const stepId = await beginStep(ctx.db, run, step.name, order);
  const begun = performance.now();
  output.begin(order);
  const exitCode = lease.signal.aborted
    ? null
    : await sandbox.run(step, order, (stream, bytes) => output.add(stream, bytes));
  const durationMs = Math.round(performance.now() - begun);
  const { stdout, stderr } = await output.end();
  steps.push({ name: step.name, run: step.run, exitCode, stdout, stderr });
  const passed = exitCode === 0;
  const kept = isLarge(stdout + stderr) ? { stdout: tail(stdout), stderr: tail(stderr) } : { stdout, stderr };
  await finishStep(ctx.db, stepId, { exitCode, durationMs, passed, ...kept });
  return exitCode !== null && (passed || step.continue_on_error);
}

/** Does the work if the run is still ours. */
async function record(
  ctx: AppContext,
  { repoId, prId, runId, fence }: ClaimedRun,
  work: (tx: Parameters<Parameters<AppContext['db']['transaction']>[0]>[0]) => Promise<void>,
): Promise<boolean> {
  return ctx.db.transaction(async (tx) => {
    await lockPull(tx, repoId, prId);
    const current = await lockRun(tx, prId, runId);
    if (current?.status !== 'running' || current.fence !== fence) return false;
    await work(tx);
    return true;
  });
}
