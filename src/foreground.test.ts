import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inForeground, isServing, whenQuiet } from './foreground.js';

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('background work waits until nobody is served', async () => {
  const node = {};
  await whenQuiet(node, 60_000);
  const [one, two] = [gate(), gate()];
  const served = [inForeground(node, () => one.opened), inForeground(node, () => two.opened)];
  const events: string[] = [];
  const waiting = [1, 2].map((n) => whenQuiet(node, 60_000).then(() => events.push(`quiet ${n}`)));
  one.open();
  await served[0];
  expect(isServing(node)).toBe(true);
  expect(isServing({})).toBe(false);
  expect(events).toEqual([]);
  two.open();
  await Promise.all([...served, ...waiting]);
  expect(events).toEqual(['quiet 1', 'quiet 2']);
  expect(isServing(node)).toBe(false);
});

test('it does not wait for ever', async () => {
  const node = {};
  const { open, opened } = gate();
  const served = inForeground(node, () => opened);
  await whenQuiet(node, 20);
  expect(isServing(node)).toBe(true);
  open();
  await served;
});

test('a failure ends the service too, and stays one', async () => {
  const node = {};
  await expect(inForeground(node, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(isServing(node)).toBe(false);
});

test('the pauses of somebody who asks again and again are not quiet', async () => {
  const node = {};
  let isOver = false;
  const again = async () => {
    for (const end = performance.now() + 400; performance.now() < end; await sleep(20)) {
      await inForeground(node, () => sleep(5));
    }
    isOver = true;
  };
  const asking = again();
  await whenQuiet(node, 200);
  expect(isOver).toBe(false);
  await whenQuiet(node, 60_000);
  expect(isOver).toBe(true);
  await asking;
});
