import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPackEngine } from './engine.js';
import { gateFor, pass } from './gate.js';

let root: string;
const engine = createPackEngine({ threads: 1 });
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gitclaw-gate-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const write = () => ({ root, files: [], bodies: [{ key: 'r/a', body: Buffer.from('a') }] });

test('what is stored has no name before leave is given', async () => {
  let give = () => {};
  const leave = new Promise<void>((resolve) => {
    give = resolve;
  });
  const stored = engine.store(write(), leave);
  await expect.poll(() => readdir(join(root, '.tmp')).catch(() => [])).toHaveLength(1);
  await sleep(50);
  expect(await readdir(root)).toEqual(['.tmp']);
  give();
  await stored;
  expect(await readdir(join(root, 'r'))).toEqual(['a']);
});

test('nothing is stored when leave is refused, and the refusal is what the caller hears', async () => {
  const refused = new Error('no');
  await expect(engine.store(write(), Promise.reject(refused))).rejects.toBe(refused);
  expect(await readdir(root)).toEqual(['.tmp']);
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
});

test('an open gate is passed at once', async () => {
  const gate = gateFor(Promise.resolve());
  await sleep(0);
  expect(() => pass(gate)).not.toThrow();
});
