/** Runs the background work of a node: each job alone, again after a pause, until the node stops. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppContext } from '../context.js';
import { removeAbandonedPacks } from './abandoned.js';
import { removeExpiredResults } from './expired.js';
import { unpackPending } from './unpack.js';

interface Job {
  name: string;
  everyMs: number;
  run(ctx: AppContext, stop: AbortSignal): Promise<number>;
}

const JOBS: readonly Job[] = [
  { name: 'unpack', everyMs: 1_000, run: unpackPending },
  { name: 'abandoned packs', everyMs: 3_600_000, run: removeAbandonedPacks },
  { name: 'expired results', everyMs: 3_600_000, run: removeExpiredResults },
];

export interface Jobs {
  /** Ends after the step at hand. */
  stop(): Promise<void>;
}

export function startJobs(ctx: AppContext): Jobs {
  const controller = new AbortController();
  const loops = JOBS.map((job) => loop(ctx, job, controller.signal));
  return {
    async stop() {
      controller.abort();
      await Promise.all(loops);
    },
  };
}

async function loop(ctx: AppContext, job: Job, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await job.run(ctx, stop);
    } catch (error) {
      if (!stop.aborted) ctx.log.warn({ job: job.name, err: error }, 'a background job failed, will be tried again');
    }
    // An aborted pause is the end, not a failure.
    await sleep(job.everyMs, undefined, { signal: stop }).catch(() => {});
  }
}
