import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { IdleCollector } from './idle-collector.js';

/** Whether something that nobody holds is gone. */
function loseSomething(): WeakRef<object> {
  return new WeakRef({ content: Buffer.alloc(1024) });
}

it('collects garbage after a pause, and not once work has begun', async () => {
  const collector = new IdleCollector();
  const lost = loseSomething();
  collector.soon();
  collector.notNow();
  await sleep(700);
  expect(lost.deref()).toBeDefined();
  collector.soon();
  await expect.poll(() => lost.deref() === undefined, { timeout: 20_000 }).toBe(true);
});
