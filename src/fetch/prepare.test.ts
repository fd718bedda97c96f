import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PackScene } from '../../test/support/pack-scene.js';
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { listRefs } from '../refs/index.js';
import { type PlanInput, preparePack, resolveWants } from './index.js';

let scene: PackScene;
let ctx: AppContext;
let builds = 0;
let pins = 0;
beforeAll(async () => {
  scene = await PackScene.start();
  const { engine, packCache } = scene.ctx;
  ctx = {
    ...scene.ctx,
    engine: {
      ...engine,
      build(request) {
        builds += 1;
        return engine.build(request);
      },
    },
    packCache: new Proxy(packCache, {
      get(target, name) {
        if (name === 'pin') pins += 1;
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  };
});
afterAll(() => scene.pusher.stop());
beforeEach(async () => {
  await scene.newRepository();
  [builds, pins] = [0, 0];
});

/** @returns the pack for a client that has nothing, as it would be sent */
async function pack(options: Partial<PlanInput> = {}): Promise<Buffer> {
  const refs = await listRefs(ctx, scene.repoId, -1);
  const snapshot = await loadSnapshot(ctx, scene.repoId);
  const tips = refs.map(({ oid }) => oid);
  const wants = await resolveWants(ctx, snapshot, refs, tips);
  const input = { wants, haves: [], refs, includeTag: false, thin: false, ofsDelta: true, ...options };
  const prepared = await preparePack(ctx, snapshot, input);
  try {
    const bytes = Buffer.alloc(prepared.bytes);
    await prepared.read([bytes], 0);
    expect(bytes.readUInt32BE(8)).toBe(prepared.objects);
    return bytes;
  } finally {
    await prepared.close();
  }
}

it('a pack is built once for all that are to be sent the same, and anew for a new state', async () => {
  await scene.grow(2);
  const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => pack()));
  expect(builds).toBe(1);
  for (const other of [...others, await pack()]) expect(other.equals(first!)).toBe(true);
  expect(builds).toBe(1);
  expect((await pack({ ofsDelta: false, filter: { blobLimit: 0, treeDepth: 2 } })).equals(first!)).toBe(false);
  expect(builds).toBe(2);
  await scene.grow(1);
  expect((await pack()).length).toBeGreaterThan(first!.length);
  expect(builds).toBe(3);
  await ctx.packCache.forget(scene.repoId);
  await pack();
  expect(builds).toBe(4);
});

it('a pack too large for memory is kept as a file, which goes with its repository', async () => {
  const files = () => readdirSync(ctx.spool.folder).filter((name) => name.endsWith('.pack'));
  const before = files().length;
  await scene.push(
    await scene.pusher.commit(
      randomBytes(2 ** 20)
        .toString('hex')
        .repeat(2),
    ),
  );
  await scene.grow(1);
  const first = await pack();
  expect(first.length).toBeGreaterThan(2 ** 20);
  expect((await pack()).equals(first)).toBe(true);
  expect([builds, files().length]).toEqual([1, before + 1]);
  await ctx.packCache.forget(scene.repoId);
  expect(files()).toHaveLength(before);
});

it('a small stored pack that is just what is wanted is read once', async () => {
  await scene.grow(3);
  await scene.compact();
  const first = await pack();
  expect((await pack()).equals(first)).toBe(true);
  expect([builds, pins]).toEqual([0, 1]);
});

it('a build that fails is tried again by the next client', async () => {
  await scene.grow(2);
  const { engine } = ctx;
  const failing = { ...ctx, engine: { ...engine, build: () => Promise.reject(new Error('no memory')) } };
  const working = ctx;
  ctx = failing;
  await expect(pack()).rejects.toThrow('no memory');
  ctx = working;
  await pack();
  expect(builds).toBe(1);
});
