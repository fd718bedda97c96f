/** A process that serves nobody and only works: jobs and outbox, CI runs, or CI runs alone. */
import { startCi, startDedicatedRunner } from './ci/index.js';
import type { Config } from './config.js';
import { startJobs } from './jobs/index.js';
import { type Closers, closeAll, openNode, type StartOptions } from './open.js';

export interface RunningWorker {
  /** Ends the work at hand, or gives it back. */
  stop(): Promise<void>;
}

/**
 * Starts a worker on the database and object store of a deployment.
 * @param ciOnly true = CI runs and nothing else, on a machine that can isolate them
 * @throws Error with one printable line when something it needs is not there; what was started is stopped again
 */
export async function startWorker(
  config: Config,
  { ciOnly, ...options }: StartOptions & { ciOnly: boolean },
): Promise<RunningWorker> {
  const closers: Closers = [];
  try {
    const ctx = await openNode(config, options, closers);
    if (!ciOnly) {
      const jobs = startJobs(ctx);
      closers.push(() => jobs.stop());
    }
    const ci = ciOnly ? await startDedicatedRunner(ctx) : startCi(ctx);
    closers.push(() => ci.stop());
    return { stop: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers).catch(() => {});
    throw error;
  }
}
