/** Runs the background work of a node: each job alone, again after a pause, until the node stops. */
import { setMaxListeners } from 'node:events';
import { EVENTS_CHANNEL, placeEvents, writeCheckpoint } from '../audit/index.js';
import { makeBundles, removeOldBundles } from '../bundles/index.js';
import { ciRunHandler, measureRuns, removeOldChunks } from '../ci/index.js';
import type { AppContext } from '../context.js';
import {
  listensToOutbox,
  measureOutbox,
  removeOldDeadLetters,
  removeProcessedEvents,
  startOutbox,
} from '../outbox/index.js';
import { reconcileDue } from '../reconcile/index.js';
import { reputationHandler } from '../reputation/index.js';
import { createTrendingSchedule } from '../trending/index.js';
import { removeOldDeliveries, sendDeliveries, webhookEvents, webhookHandler } from '../webhooks/index.js';
import { removeAbandonedPacks } from './abandoned.js';
import { collectGarbage } from './collect.js';
import { compactPacks } from './compact.js';
import { removeDeletedRepositories } from './deleted.js';
import { removeExpiredLimits, removeExpiredResults } from './expired.js';
import { measureJob } from './measure.js';
import { createPace, type Pace } from './pace.js';
import { removeRetiredPacks } from './retired.js';
import { unpackPending } from './unpack.js';

interface Job {
  name: string;
  everyMs: number;
  /** Whether it has nothing to do but what follows from requests: while there are none it is run less often. */
  follows?: true;
  run(ctx: AppContext, stop: AbortSignal): Promise<number>;
}

const JOBS: readonly Job[] = [
  { name: 'unpack', everyMs: 1_000, follows: true, run: (ctx, stop) => unpackPending(ctx, stop) },
  { name: 'compaction', everyMs: 1_000, follows: true, run: compactPacks },
  { name: 'retired packs', everyMs: 30_000, run: removeRetiredPacks },
  { name: 'garbage', everyMs: 60_000, run: collectGarbage },
  { name: 'deleted repositories', everyMs: 2_000, follows: true, run: removeDeletedRepositories },
  { name: 'abandoned packs', everyMs: 3_600_000, run: removeAbandonedPacks },
  { name: 'expired results', everyMs: 3_600_000, run: removeExpiredResults },
  { name: 'processed events', everyMs: 3_600_000, run: removeProcessedEvents },
  { name: 'old dead letters', everyMs: 3_600_000, run: removeOldDeadLetters },
  { name: 'outbox measure', everyMs: 15_000, run: measureOutbox },
  { name: 'order of events', everyMs: 1_000, follows: true, run: ({ db, metrics }) => placeEvents(db, metrics) },
  { name: 'audit checkpoint', everyMs: 60_000, run: ({ db }) => writeCheckpoint(db) },
  { name: 'webhook deliveries', everyMs: 1_000, follows: true, run: sendDeliveries },
  { name: 'old webhook deliveries', everyMs: 3_600_000, run: removeOldDeliveries },
  { name: 'CI log chunks', everyMs: 60_000, run: removeOldChunks },
  { name: 'reconciliation', everyMs: 5_000, run: reconcileDue },
  { name: 'CI measure', everyMs: 15_000, run: measureRuns },
  { name: 'bundles', everyMs: 60_000, run: makeBundles },
  { name: 'old bundles', everyMs: 600_000, run: removeOldBundles },
  { name: 'expired limits', everyMs: 3_600_000, run: removeExpiredLimits },
];

export interface Jobs {
  /** Ends after the step at hand. */
  stop(): Promise<void>;
}

export function startJobs(ctx: AppContext): Jobs {
  const controller = new AbortController();
  // One listener per sleeping job is no leak, which Node warns of from the eleventh on.
  setMaxListeners(0, controller.signal);
  const trending = createTrendingSchedule();
  const jobs: Job[] = [...JOBS, { name: 'trending', everyMs: 15_000, run: trending.run }];
  const pace = createPace();
  if (listensToOutbox(ctx.config)) {
    ctx.db.listen(EVENTS_CHANNEL, pace.stir, pace.stir);
  }
  const loops = jobs.map((job) => loop(ctx, job, pace, controller.signal));
  const outbox = startOutbox(ctx, {
    handlers: {
      ci_run: ciRunHandler(ctx),
      reputation: reputationHandler(ctx),
      trending: trending.handler,
      webhook: webhookHandler,
    },
    wanted: { webhook: webhookEvents },
    unconsumed: ['analytics'],
  });
  return {
    async stop() {
      controller.abort();
      await Promise.all([...loops, outbox.stop()]);
    },
  };
}

async function loop(ctx: AppContext, job: Job, pace: Pace, stop: AbortSignal): Promise<void> {
  const pause = pace.pauses(job.everyMs, job.follows ?? false, stop);
  while (!stop.aborted) {
    let done = 0;
    try {
      done = await measureJob(ctx, job.name, () => job.run(ctx, stop));
    } catch (error) {
      if (!stop.aborted) ctx.log.warn({ job: job.name, err: error }, 'a background job failed, will be tried again');
    }
    await pause(done > 0);
  }
}
