import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type ReadyPack, ReadyPacks } from './ready-packs.js';

const folder = mkdtempSync(join(tmpdir(), 'ready-packs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const inMemory = (bytes: number): ReadyPack => ({ objects: 1, data: new Uint8Array(bytes) });
const onDisk = (bytes: number): ReadyPack & { path: string } => {
  const path = join(folder, `${++files}.pack`);
  writeFileSync(path, Buffer.alloc(bytes));
  return { objects: 1, path, bytes };
};
/** Asks for a pack and lets it go. @returns whether it had to be made */
const ask = async (packs: ReadyPacks, repoId: string, name: string, pack: ReadyPack): Promise<boolean> => {
  let made = false;
  const { release } = await packs.acquire(repoId, name, async () => {
    made = true;
    return pack;
  });
  await release();
  return made;
};

test('a pack is made once, also for those who ask while it is being made', async () => {
  const packs = new ReadyPacks();
  let made = 0;
  let finish = (_: ReadyPack) => {};
  const make = () => {
    made += 1;
    return new Promise<ReadyPack>((resolve) => {
      finish = resolve;
    });
  };
  const asking = [packs.acquire('r', 'a', make), packs.acquire('r', 'a', make)];
  const pack = inMemory(10);
  finish(pack);
  for (const { pack: got, release } of await Promise.all(asking)) {
    expect(got).toBe(pack);
    await release();
  }
  expect(await ask(packs, 'r', 'a', inMemory(1))).toBe(false);
  expect([made, await ask(packs, 'r', 'b', inMemory(1)), await ask(packs, 'q', 'a', inMemory(1))]).toEqual([
    1,
    true,
    true,
  ]);
});

test('a failure is that of all who wait, and is not kept', async () => {
  const packs = new ReadyPacks();
  const make = () => Promise.reject(new Error('no disk'));
  const asked = await Promise.allSettled([packs.acquire('r', 'a', make), packs.acquire('r', 'a', make)]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await ask(packs, 'r', 'a', inMemory(1))).toBe(true);
});

test('the packs not used for longest make room, in memory and on disk apart', async () => {
  const packs = new ReadyPacks({ memoryBytes: 10_000, diskBytes: 1000 });
  const file = onDisk(200);
  await ask(packs, 'r', 'file', file);
  for (const name of ['a', 'b', 'c', 'd']) await ask(packs, 'r', name, inMemory(1900));
  expect(await ask(packs, 'r', 'a', inMemory(1))).toBe(false);
  await ask(packs, 'r', 'e', inMemory(1900));
  expect(await ask(packs, 'r', 'a', inMemory(1))).toBe(false);
  expect(await ask(packs, 'r', 'b', inMemory(1900))).toBe(true);
  expect(await ask(packs, 'r', 'file', onDisk(1))).toBe(false);
  for (let i = 0; i < 5; i++) await ask(packs, 'r', `file ${i}`, onDisk(200));
  expect(await ask(packs, 'r', 'file', onDisk(1))).toBe(true);
  await expect.poll(() => existsSync(file.path)).toBe(false);
});

test('a pack too large to keep serves those who wait for it, and goes with the last of them', async () => {
  const packs = new ReadyPacks({ diskBytes: 100 });
  const file = onDisk(50);
  const make = async () => file;
  const [one, other] = await Promise.all([packs.acquire('r', 'a', make), packs.acquire('r', 'a', make)]);
  await one.release();
  await one.release();
  expect(existsSync(file.path)).toBe(true);
  await other.release();
  expect(existsSync(file.path)).toBe(false);
  expect(await ask(packs, 'r', 'a', onDisk(1))).toBe(true);
});

test('those of a deleted repository go, also those in use or being made', async () => {
  const packs = new ReadyPacks();
  const [idle, used, late, other] = [onDisk(1), onDisk(1), onDisk(1), onDisk(1)];
  await ask(packs, 'r', 'idle', idle);
  await ask(packs, 'other', 'idle', other);
  const use = await packs.acquire('r', 'used', async () => used);
  let finish = (_: ReadyPack) => {};
  const waiting = packs.acquire('r', 'late', () => new Promise((resolve) => (finish = resolve)));
  await packs.forget('r');
  expect([idle, used, other].map(({ path }) => existsSync(path))).toEqual([false, true, true]);
  finish(late);
  for (const { release } of [use, await waiting]) await release();
  expect([used, late].map(({ path }) => existsSync(path))).toEqual([false, false]);
  for (const name of ['idle', 'used', 'late']) expect(await ask(packs, 'r', name, inMemory(1))).toBe(true);
  expect(await ask(packs, 'other', 'idle', inMemory(1))).toBe(false);
});
