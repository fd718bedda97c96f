import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { IdleCollector } from './idle-collector.js';

/** Whether something that nobody holds is gone. */
function loseSomething(): WeakRef<object> {
  return new WeakRef({ content: Buffer.alloc(1024) });
}

it('collects garbage after a pause', async () => {
  const lost = loseSomething();
  new IdleCollector().soon();
  await expect.poll(() => lost.deref() === undefined, { timeout: 20_000 }).toBe(true);
});

it('collects once after several tasks, and not when work has begun again', async () => {
  let collections = 0;
  const collector = new IdleCollector(() => {
    collections += 1;
  });
  collector.soon();
  collector.notNow();
  await sleep(700);
  expect(collections).toBe(0);
  collector.soon();
  collector.soon();
  await expect.poll(() => collections, { timeout: 20_000 }).toBe(1);
  await sleep(700);
  expect(collections).toBe(1);
});
