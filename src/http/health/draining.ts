/** A node that is about to stop: it says so to whoever asks whether it is ready, and only then closes its door. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppContext } from '../../context.js';

/** Load balancers ask every few seconds; one that did not ask for this long is not there, milliseconds. */
const WATCHED_MS = 60_000;

interface State {
  draining: boolean;
  /** When readiness was asked for, by the process's own clock; undefined = never. */
  askedAt: number | undefined;
}

const states = new WeakMap<AppContext, State>();

function stateOf(ctx: AppContext): State {
  const known = states.get(ctx) ?? { draining: false, askedAt: undefined };
  states.set(ctx, known);
  return known;
}

/** Notes that somebody goes by the node's readiness. @returns whether the node is about to stop */
export function asksWhetherReady(ctx: AppContext): boolean {
  const state = stateOf(ctx);
  state.askedAt = performance.now();
  return state.draining;
}

/** From here on the process says that it is not ready, to whoever asks. */
export function markDraining(ctx: AppContext): void {
  stateOf(ctx).draining = true;
}

/**
 * From here on the node is not ready. When somebody goes by that, SHUTDOWN_DELAY_SECS pass before this resolves, in which
 * everything is still served: they send no more requests then, and none is refused.
 */
export async function beginDraining(ctx: AppContext): Promise<void> {
  markDraining(ctx);
  const { askedAt } = stateOf(ctx);
  const isWatched = askedAt !== undefined && performance.now() - askedAt < WATCHED_MS;
  if (isWatched) await sleep(ctx.config.SHUTDOWN_DELAY_SECS * 1000);
}
