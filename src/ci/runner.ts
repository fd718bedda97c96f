/** A runner: takes runs as they come, some at the same time, until it is stopped. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { AppContext } from '../context.js';
import { Bell, listensToOutbox } from '../outbox/index.js';
import { claimRun } from './claim.js';
import type { SandboxDriver } from './drivers/contract.js';
import { executeRun, type RunEnd } from './execute.js';
import { Lease } from './lease.js';
import { type ClaimedRun, removeRunner, reportRunner } from './lease-store.js';
import { CI_CHANNEL } from './store.js';

/** Runs also turn up when a lease runs out, or while the connection that tells of them is down. */
const POLL_MS = 3_000;
const REPORT_MS = 10_000;
/** `leased_by` has 64 characters; an id of 36 and two separators leave this much for the host. */
const HOST_LENGTH = 16;

export interface CiRunner {
  /** Ends the runs at hand, which others may take up at once from the beginning. */
  stop(): Promise<void>;
}

export function startCiRunner(ctx: AppContext, driver: SandboxDriver): CiRunner {
  const runnerId = `${hostname().slice(0, HOST_LENGTH)}:${process.pid}:${randomUUID()}`.slice(0, 64);
  const controller = new AbortController();
  const stop = controller.signal;
  const bell = new Bell();
  const leases = new Map<string, Lease>();
  const work = new Set<Promise<void>>();

  const begin = (run: ClaimedRun) => {
    const lease = new Lease(ctx, run);
    leases.set(run.runId, lease);
    const done = execute(ctx, driver, run, lease).finally(() => {
      leases.delete(run.runId);
      work.delete(done);
      bell.ring();
    });
    work.add(done);
  };

  if (listensToOutbox(ctx.config)) {
    const told = (runId: string) => {
      const lease = leases.get(runId);
      if (lease === undefined) bell.ring();
      else void lease.check();
    };
    ctx.db.listen(CI_CHANNEL, told, () => bell.ring());
  }
  const report = () =>
    reportRunner(ctx.db, runnerId, driver.name).catch((error: unknown) => {
      ctx.log.warn({ err: error }, 'a CI runner could not report itself');
    });
  const reports = setInterval(report, REPORT_MS);
  void report();

  const claiming = (async () => {
    while (!stop.aborted) {
      if (work.size < ctx.config.CI_CONCURRENCY) {
        try {
          const run = await claimRun(ctx, runnerId);
          if (run !== undefined) {
            begin(run);
            continue;
          }
        } catch (error) {
          if (!stop.aborted) ctx.log.warn({ err: error }, 'no CI run can be taken, will be tried again');
        }
      }
      await bell.sleep(POLL_MS, stop);
    }
  })();

  return {
    async stop() {
      controller.abort();
      clearInterval(reports);
      await claiming;
      for (const lease of leases.values()) lease.end('stopping');
      await Promise.all(work);
      await removeRunner(ctx.db, runnerId).catch(() => {});
    },
  };
}

async function execute(ctx: AppContext, driver: SandboxDriver, run: ClaimedRun, lease: Lease): Promise<void> {
  const { runId, repoId, fence } = run;
  const begun = performance.now();
  ctx.log.info({ runId, repoId, fence }, 'CI run taken');
  const span = ctx.tracing?.start('ci run', {
    attributes: { 'gitclaw.ci.run.id': runId, 'gitclaw.repository.id': repoId },
  });
  let status: RunEnd | 'broken' = 'broken';
  try {
    const work = () => executeRun(ctx, driver, run, lease);
    status = await (span === undefined ? work() : span.run(work));
    ctx.log.info({ runId, repoId, ms: Math.round(performance.now() - begun), ended: lease.reason }, 'CI run ended');
  } catch (error) {
    ctx.log.warn({ runId, repoId, err: error }, 'a CI run broke off, will be tried again');
  } finally {
    ctx.metrics.ciRunsEnded.inc({ status });
    span?.set({ 'gitclaw.ci.run.status': status });
    if (status === 'broken') span?.fail();
    span?.end();
    ctx.metrics.ciRunSeconds.observe((performance.now() - begun) / 1000);
    lease.release();
  }
}
