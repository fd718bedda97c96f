/** A process that serves nobody and only works: jobs and outbox, CI runs, or CI runs alone. */
import { startCi, startDedicatedRunner } from './ci/index.js';
import type { Config } from './config.js';
import type { AppContext } from './context.js';
import { createServiceApp, listen, markDraining } from './http/index.js';
import { startJobs } from './jobs/index.js';
import { type Closers, closeAll, openNode, type StartOptions } from './open.js';

/** Whoever looks at a worker asks for short answers, milliseconds. */
const LAST_ANSWERS_MS = 1000;

export interface RunningWorker {
  /** Where it tells how it is; undefined when it listens nowhere. */
  url: string | undefined;
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
    // Closed after the work has ended, which may take a while and is worth watching.
    const url = await openDoor(ctx, closers);
    if (!ciOnly) {
      const jobs = startJobs(ctx);
      closers.push(() => jobs.stop());
    }
    const ci = ciOnly ? await startDedicatedRunner(ctx) : startCi(ctx);
    closers.push(() => ci.stop());
    closers.push(async () => markDraining(ctx));
    return { url, stop: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers).catch(() => {});
    throw error;
  }
}

async function openDoor(ctx: AppContext, closers: Closers): Promise<string | undefined> {
  const { HOST: host, WORKER_PORT: port } = ctx.config;
  if (port === undefined) return undefined;
  const listening = await listen(ctx, createServiceApp(ctx), { host, port, setting: 'WORKER_PORT' });
  closers.push(() => listening.close(LAST_ANSWERS_MS));
  return listening.url;
}
