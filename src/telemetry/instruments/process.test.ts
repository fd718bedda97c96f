import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { processMetrics } from './process.js';

function lag(text: string, figure: string): number {
  return Number(new RegExp(`^nodejs_eventloop_lag_${figure}_seconds (\\S+)$`, 'm').exec(text)?.[1]);
}

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

it('tells how late the event loop was since the last scrape, and nothing of the time between samples', async () => {
  const registry = new Registry();
  processMetrics(registry);
  await sleep(300);
  block(400);
  await sleep(120);

  const text = await registry.metrics();
  expect(lag(text, 'max')).toBeGreaterThan(0.3);
  expect(lag(text, 'min')).toBeLessThan(0.04);
});

it('starts anew at each scrape, and has no sample yet right after one', async () => {
  const registry = new Registry();
  processMetrics(registry);
  await sleep(120);
  block(400);
  await sleep(120);
  await registry.metrics();

  expect(lag(await registry.metrics(), 'max')).toBe(0);
  await sleep(200);
  expect(lag(await registry.metrics(), 'max')).toBeLessThan(0.2);
});

it('keeps the other metrics of the process', async () => {
  const registry = new Registry();
  processMetrics(registry);
  const text = await registry.metrics();
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']) {
    expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
  }
});
