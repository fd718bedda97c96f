import type { AppContext } from '../context.js';

/**
 * Runs one round of a job, notes how long it took and whether it failed, and makes a trace of it unless it found nothing
 * to do.
 * @throws what the round throws
 */
export async function measureJob(ctx: AppContext, name: string, round: () => Promise<number>): Promise<number> {
  const end = ctx.metrics.jobSeconds.startTimer({ name });
  const span = ctx.tracing?.start(`job ${name}`, { tentative: true });
  let done: number | undefined;
  try {
    done = await (span === undefined ? round() : span.run(round));
    span?.set({ 'gitclaw.job.done': done });
    return done;
  } catch (error) {
    span?.fail(error);
    throw error;
  } finally {
    end();
    span?.end(done === 0);
    ctx.metrics.jobRuns.inc({ name, outcome: done === undefined ? 'failed' : 'ok' });
  }
}
