/** How often jobs look for work: as often as they like while something happens, less often while nothing does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Bell } from '../outbox/index.js';

/** What follows from a request is done after this long, or has a time of its own; retries come seldom. */
const STIRRED_MS = 15_000;

/** A job that rests pauses so many times as long. */
const REST = 5;

export interface Pace {
  /** Something was committed, here or by another node; nobody rests before this was called at all. */
  stir(): void;
  /**
   * @param everyMs how long the job pauses
   * @param rests whether it may rest while nothing happens
   * @returns what waits until the job is to run again; `hasWorked`: whether it found something to do
   */
  pauses(everyMs: number, rests: boolean, stop: AbortSignal): (hasWorked: boolean) => Promise<void>;
}

/** @param stirredMs how long something must not have happened for a job to rest */
export function createPace(stirredMs = STIRRED_MS): Pace {
  const bells: Bell[] = [];
  let stirredAt = Number.POSITIVE_INFINITY;
  return {
    stir() {
      stirredAt = performance.now();
      for (const bell of bells) bell.ring();
    },
    pauses(everyMs, rests, stop) {
      // An aborted pause is the end, not a failure.
      const pause = () => sleep(everyMs, undefined, { signal: stop }).catch(() => {});
      if (!rests) return pause;
      const bell = new Bell();
      bells.push(bell);
      let workedAt = performance.now();
      return async (hasWorked) => {
        const now = performance.now();
        if (hasWorked) workedAt = now;
        const isAtRest = now - Math.max(workedAt, stirredAt) > stirredMs;
        if (isAtRest && !(await bell.sleep(everyMs * REST, stop))) return;
        await pause();
      };
    },
  };
}
