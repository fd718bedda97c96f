import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createPace } from './pace.js';

const EVERY_MS = 100;
const never = new AbortController().signal;

async function took(pause: Promise<void>): Promise<number> {
  const start = performance.now();
  await pause;
  return performance.now() - start;
}

it('lets a job rest when nothing was committed and it found nothing to do', async () => {
  const pace = createPace(50);
  pace.stir();
  const pause = pace.pauses(EVERY_MS, true, never);
  // A ring of before is kept, and costs one pause.
  await pause(true);
  await pause(false);
  expect(await took(pause(false))).toBeGreaterThan(4 * EVERY_MS);
  expect(await took(pause(true))).toBeLessThan(3 * EVERY_MS);
});

it('ends a rest when something is committed, and runs the job a pause later', async () => {
  const pace = createPace(10);
  pace.stir();
  const pause = pace.pauses(EVERY_MS, true, never);
  await sleep(50);
  const resting = took(pause(false));
  await sleep(20);
  pace.stir();
  const rested = await resting;
  expect(rested).toBeGreaterThanOrEqual(EVERY_MS);
  expect(rested).toBeLessThan(4 * EVERY_MS);
});

it('lets nobody rest who follows the clock, or while nobody tells of commits', async () => {
  const [told, untold] = [createPace(0), createPace(0)];
  told.stir();
  await sleep(10);
  expect(await took(told.pauses(EVERY_MS, false, never)(false))).toBeLessThan(3 * EVERY_MS);
  expect(await took(untold.pauses(EVERY_MS, true, never)(false))).toBeLessThan(3 * EVERY_MS);
});

it('ends at once when the node stops', async () => {
  const stop = new AbortController();
  const pace = createPace(0);
  pace.stir();
  await sleep(10);
  const resting = took(pace.pauses(60_000, true, stop.signal)(false));
  const pausing = took(pace.pauses(60_000, false, stop.signal)(false));
  stop.abort();
  expect(await resting).toBeLessThan(5_000);
  expect(await pausing).toBeLessThan(5_000);
});
