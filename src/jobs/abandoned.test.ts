/** What a push stored that never committed: it goes after a day, without what anybody else has or is writing. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PackScene } from '../../test/support/pack-scene.js';
import type { PackEngine } from '../packs/index.js';
import { looseKey, packKey } from '../storage/index.js';
import { removeAbandonedPacks } from './index.js';

let scene: PackScene;
beforeAll(async () => {
  scene = await PackScene.start();
});
afterAll(() => scene.pusher.stop());
beforeEach(async () => {
  await scene.newRepository();
  await scene.ctx.db.sql`DELETE FROM staged_packs`;
});

const sql = () => scene.ctx.db.sql;
const loose = (oid: string) => scene.stored(looseKey(scene.repoId, oid));
const isStored = (oids: string[]) => oids.map(loose);
const staged = async () => [
  ...(await sql()<{ hash: string; loose: number | null }[]>`
    SELECT hash, length(loose) AS loose FROM staged_packs WHERE repo_id = ${scene.repoId} ORDER BY started_at`),
];
const aDayLater = () => sql()`UPDATE staged_packs SET started_at = started_at - interval '25 hours'`;

/** Calls `work` when a push has stored everything, and lets the push die there when that throws. */
async function before<T>(work: () => Promise<void>, push: () => Promise<T>): Promise<T> {
  const ctx = scene.ctx as { faultPoint: (at: string) => Promise<void>; engine: Pick<PackEngine, 'store'> };
  const { faultPoint, engine } = ctx;
  const { store } = engine;
  let stored: Promise<void> | undefined;
  // Its transaction begins while a small push is being stored.
  engine.store = (...args) => {
    stored = store(...args);
    return stored;
  };
  ctx.faultPoint = async (at) => {
    if (at !== 'push.before-commit') return;
    ctx.faultPoint = faultPoint;
    await stored;
    await work();
  };
  try {
    return await push();
  } finally {
    ctx.faultPoint = faultPoint;
    engine.store = store;
  }
}
const dies = async () => {
  throw new Error('killed');
};

/** A push that stored its commit and died. @returns ids of its objects, the commit first */
async function lostPush(text = 'lost\n'): Promise<string[]> {
  const oid = await scene.pusher.commit(text.repeat(20));
  expect(await before(dies, () => scene.push(oid))).toBe(500);
  return [
    oid,
    await scene.pusher.git('rev-parse', `${oid}^{tree}`),
    await scene.pusher.git('rev-parse', `${oid}:file.txt`),
  ];
}

it('loose objects and files go after a day, by the note that the push left', async () => {
  await scene.grow(1);
  const kept = await scene.mirror();
  const lost = await lostPush();
  const [note] = await staged();
  expect(note).toMatchObject({ loose: lost.length * 20 });
  const files = (['pack', 'idx', 'meta'] as const).map((extension) => packKey(scene.repoId, note!.hash, extension));
  expect(await removeAbandonedPacks(scene.ctx)).toBe(0);
  expect([...isStored(lost), ...files.map((key) => scene.stored(key))]).toEqual(Array(6).fill(true));
  await aDayLater();
  expect(await removeAbandonedPacks(scene.ctx)).toBe(1);
  expect([...isStored(lost), ...files.map((key) => scene.stored(key))]).toEqual(Array(6).fill(false));
  expect(isStored(kept)).toEqual(kept.map(() => true));
  expect([await staged(), await removeAbandonedPacks(scene.ctx)]).toEqual([[], 0]);
  expect(await scene.mirror()).toEqual(kept);
});

it('what another push made visible meanwhile stays', async () => {
  await scene.grow(1);
  const [commit, tree, blob] = await lostPush();
  // Another commit with the same content: it brings the tree and the file again, in a pack of its own.
  const other = await scene.pusher.commit('lost\n'.repeat(20), '--amend', '--date=2001-02-03T04:05:06Z');
  expect(await scene.push(other)).toBe(200);
  await aDayLater();
  expect(await removeAbandonedPacks(scene.ctx)).toBe(1);
  expect(isStored([commit!, tree!, blob!, other])).toEqual([false, true, true, true]);
  await scene.mirror();
});

it('the same push again makes all of it visible, before the clean-up or after it', async () => {
  await scene.grow(1);
  const lost = await lostPush();
  await aDayLater();
  expect(await scene.push(lost[0]!)).toBe(200);
  expect([await removeAbandonedPacks(scene.ctx), await staged()]).toEqual([0, []]);
  expect(isStored(lost)).toEqual([true, true, true]);
  const again = await lostPush('again\n');
  await aDayLater();
  expect(await removeAbandonedPacks(scene.ctx)).toBe(1);
  expect(await scene.push(again[0]!)).toBe(200);
  expect(isStored(again)).toEqual([true, true, true]);
  await scene.mirror();
});

it('what another push has stored and not committed yet stays, and becomes visible whole', async () => {
  await scene.grow(1);
  const [commit, tree, blob] = await lostPush();
  await aDayLater();
  const other = await scene.pusher.commit('lost\n'.repeat(20), '--amend', '--date=2001-02-03T04:05:06Z');
  const cleanUp = async () => {
    expect(await removeAbandonedPacks(scene.ctx)).toBe(1);
    expect(isStored([commit!, tree!, blob!])).toEqual([false, true, true]);
  };
  expect(await before(cleanUp, () => scene.push(other))).toBe(200);
  expect(isStored([tree!, blob!, other])).toEqual([true, true, true]);
  await scene.mirror();
});

it('the same push while it is being stored again is not abandoned', async () => {
  await scene.grow(1);
  const lost = await lostPush();
  await aDayLater();
  const cleanUp = async () => {
    expect(await removeAbandonedPacks(scene.ctx)).toBe(0);
  };
  expect(await before(cleanUp, () => scene.push(lost[0]!))).toBe(200);
  expect(isStored(lost)).toEqual([true, true, true]);
});

it('what an older build is writing cannot be known, so everything stays until it is done', async () => {
  await scene.grow(1);
  const lost = await lostPush();
  await aDayLater();
  await sql()`INSERT INTO staged_packs (repo_id, hash) VALUES (${scene.repoId}, ${'b'.repeat(40)})`;
  expect(await removeAbandonedPacks(scene.ctx)).toBe(0);
  expect(isStored(lost)).toEqual([true, true, true]);
  await sql()`DELETE FROM staged_packs WHERE hash = ${'b'.repeat(40)}`;
  expect(await removeAbandonedPacks(scene.ctx)).toBe(1);
  expect(isStored(lost)).toEqual([false, false, false]);
});

it('garbage is collected although pushes were refused within the day', async () => {
  const first = await scene.grow(1);
  const gone = await scene.grow(1);
  await scene.pusher.git('reset', '-q', '--hard', first);
  await scene.push(await scene.pusher.commit('instead\n'));
  await scene.collect();
  await scene.passTime();
  const lost = await lostPush();
  expect(await staged()).toHaveLength(1);
  await scene.collect();
  expect([loose(gone), ...isStored(lost)]).toEqual([false, true, true, true]);
  await scene.mirror();
});
