import { expect, it } from 'vitest';
import { Bell } from './bell.js';

const NEVER = new AbortController().signal;
const LONG_MS = 60_000;

/** Milliseconds until the sleeper wakes. */
async function slept(bell: Bell, ms: number, stop = NEVER): Promise<number> {
  const start = performance.now();
  await bell.sleep(ms, stop);
  return performance.now() - start;
}

it('wakes the sleeper, and by itself when its time is over', async () => {
  const bell = new Bell();
  setTimeout(() => bell.ring(), 20);
  expect(await slept(bell, LONG_MS)).toBeLessThan(LONG_MS / 2);
  expect(await slept(bell, 30)).toBeGreaterThanOrEqual(25);
});

it('keeps a ring for the next sleeper, but not two', async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  expect(await slept(bell, LONG_MS)).toBeLessThan(LONG_MS / 2);
  expect(await slept(bell, 30)).toBeGreaterThanOrEqual(25);
});

it('lets nobody sleep once it is to stop', async () => {
  const bell = new Bell();
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  expect(await slept(bell, LONG_MS, stop.signal)).toBeLessThan(LONG_MS / 2);
  expect(await slept(bell, LONG_MS, stop.signal)).toBeLessThan(LONG_MS / 2);
});
