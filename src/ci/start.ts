/** CI in a node: a runner where isolation works, and somebody who says so where it does not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../config.js';
import type { AppContext } from '../context.js';
import { failUnserved } from './claim.js';
import { chooseDriver } from './drivers/choose.js';
import { type CiRunner, startCiRunner } from './runner.js';

const UNSERVED_MS = 10_000;
const NO_RUNNER = 'No runner is alive; start one with: gitclaw worker --ci';

/** Starts what CI_ENABLED asks for. A node without isolation serves on; runs that nobody can take fail and say why. */
export function startCi(ctx: AppContext): CiRunner {
  const controller = new AbortController();
  // Trying a driver may take seconds, for which the node need not wait.
  const running = begin(ctx, controller.signal);
  return {
    async stop() {
      controller.abort();
      await (await running)?.stop();
    },
  };
}

async function begin(ctx: AppContext, stop: AbortSignal): Promise<CiRunner | undefined> {
  const choice = ctx.config.CI_ENABLED ? await chooseDriver(ctx.config) : { reason: NO_RUNNER };
  if (stop.aborted) return undefined;
  if ('driver' in choice) return startCiRunner(ctx, choice.driver);
  if (ctx.config.CI_ENABLED) ctx.log.warn({ reason: choice.reason }, 'this node runs no CI');
  await watch(ctx, choice.reason, stop);
  return undefined;
}

/**
 * Starts a runner that has to run.
 * @throws ConfigError when no isolation works
 */
export async function startDedicatedRunner(ctx: AppContext): Promise<CiRunner> {
  const choice = await chooseDriver(ctx.config);
  if ('reason' in choice) throw new ConfigError(choice.reason);
  return startCiRunner(ctx, choice.driver);
}

async function watch(ctx: AppContext, reason: string, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await failUnserved(ctx, reason);
    } catch (error) {
      if (!stop.aborted) ctx.log.warn({ err: error }, 'CI runs without a runner cannot be looked for');
    }
    // An aborted pause is the end, not a failure.
    await sleep(UNSERVED_MS, undefined, { signal: stop }).catch(() => {});
  }
}
