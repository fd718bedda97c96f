import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { MAIN, ZERO } from '../../test/support/json-push.js';
import { PackScene } from '../../test/support/pack-scene.js';
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { listRefs } from '../refs/index.js';
import { type PlanInput, preparePack, resolveWants } from './index.js';
import { planPack, planWalk } from './plan.js';
import { planName } from './plan-name.js';

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

/** What a client that has nothing asks for. @param names of the refs it wants, all by default */
async function request(options: Partial<PlanInput> = {}, names?: readonly string[]) {
  const refs = await listRefs(ctx, scene.repoId, -1);
  const snapshot = await loadSnapshot(ctx, scene.repoId);
  const wanted = refs.filter(({ name }) => names?.includes(name) ?? true).map(({ oid }) => oid);
  const wants = await resolveWants(ctx, snapshot, refs, wanted);
  const input: PlanInput = { wants, haves: [], refs, includeTag: false, thin: false, ofsDelta: true, ...options };
  return { snapshot, input };
}

/** @returns the pack for a client that has nothing, as it would be sent */
async function pack(options: Partial<PlanInput> = {}): Promise<Buffer> {
  const { snapshot, input } = await request(options);
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

it('what is planned for a whole clone without a walk is what the walk finds', async () => {
  const other = 'refs/heads/other';
  await scene.grow(3);
  await scene.grow(2, other);
  await scene.pusher.git('tag', '-a', '-m', 'one', 'one', scene.refs.get(other)!);
  await scene.push(await scene.pusher.git('rev-parse', 'one'), 'refs/tags/one');
  const same = async (options: Partial<PlanInput>, names?: readonly string[]) => {
    const { snapshot, input } = await request(options, names);
    const [quick, walked] = [planPack(snapshot, input), planWalk(snapshot, input)];
    expect(planName(quick)).toBe(planName(walked));
    expect([quick.single, quick.needed, quick.wholePacks]).toEqual([walked.single, walked.needed, walked.wholePacks]);
    return quick.single !== undefined;
  };
  const all = async () => [
    await same({}),
    await same({ includeTag: true }),
    await same({ ofsDelta: false }),
    await same({}, [MAIN, other]),
    await same({ includeTag: true }, [MAIN, other]),
    await same({}, [MAIN]),
    await same({ filter: { blobLimit: 0, treeDepth: 2 } }),
  ];
  expect(await all()).toEqual([false, false, false, false, false, false, false]);
  await scene.compact();
  expect(await all()).toEqual([true, true, true, false, true, false, false]);
  await scene.push(ZERO, other);
  expect(await same({ includeTag: true })).toBe(true);
  await scene.push(ZERO, 'refs/tags/one');
  expect(await same({ includeTag: true })).toBe(false);
});
