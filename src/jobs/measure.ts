import type { AppContext } from '../context.js';

/** Runs one round of a job and notes how long it took and whether it failed. @throws what the round throws */
export async function measureJob(ctx: AppContext, name: string, round: () => Promise<number>): Promise<number> {
  const end = ctx.metrics.jobSeconds.startTimer({ name });
  let outcome = 'failed';
  try {
    const done = await round();
    outcome = 'ok';
    return done;
  } finally {
    end();
    ctx.metrics.jobRuns.inc({ name, outcome });
  }
}
