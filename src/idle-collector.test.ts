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
  const collector = new IdleCollector({
    collect: () => {
      collections += 1;
    },
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

it('leaves a thread alone that has little in use', async () => {
  let collections = 0;
  const collector = new IdleCollector({
    worthBytes: 512 * 1024 * 1024,
    collect: () => {
      collections += 1;
    },
  });
  collector.soon(10);
  await sleep(300);
  expect(collections).toBe(0);

  const held = Buffer.alloc(600 * 1024 * 1024);
  collector.soon(10);
  await expect.poll(() => collections, { timeout: 20_000 }).toBe(1);
  expect(held.length).toBeGreaterThan(0);
});
