import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { MAIN, ZERO } from '../../test/support/json-push.js';
import { PackScene } from '../../test/support/pack-scene.js';
import { looseKey } from '../storage/index.js';
import { maintainRepository } from './index.js';

let scene: PackScene;
beforeAll(async () => {
  scene = await PackScene.start();
});
afterAll(() => scene.pusher.stop());
beforeEach(() => scene.newRepository());
const maintain = (waitMs = 0) => maintainRepository(scene.ctx, scene.repoId, waitMs);
const loose = (oid: string) => scene.stored(looseKey(scene.repoId, oid));
const lock = (seconds: number) => scene.ctx.db.sql`
  INSERT INTO pack_maintenance (repo_id, locked_until) VALUES (${scene.repoId}, now() + make_interval(secs => ${seconds}))
  ON CONFLICT (repo_id) DO UPDATE SET locked_until = excluded.locked_until`;

it('merges at once, although pushes have not paused, and keeps what waits', async () => {
  await scene.grow(4);
  const objects = await scene.mirror();
  const { before, after, merges, outcome } = await maintain();
  expect([outcome, merges, before.packs, before.waiting]).toEqual(['done', 1, 4, 0]);
  expect(after).toMatchObject({ packs: 1, waiting: 4, formerTips: 0 });
  const [hour] = await scene.ctx.db.sql<[{ soon: boolean }]>`
    SELECT ${after.waitingUntil!.toISOString()}::timestamptz BETWEEN now() + interval '55 minutes' AND now() + interval '1 hour' AS soon`;
  expect(hour.soon).toBe(true);
  expect(await scene.mirror()).toEqual(objects);
  expect(await maintain()).toMatchObject({ outcome: 'done', merges: 0, before: after, after });
});

it('condemns first and deletes later, never in one step', async () => {
  const kept = await scene.grow(2);
  const lost = await scene.grow(1);
  await scene.pusher.git('reset', '-q', '--hard', kept);
  await scene.push(await scene.pusher.commit('next\n'));
  expect(await maintain()).toMatchObject({
    outcome: 'done',
    before: { formerTips: 1 },
    after: { formerTips: 0, packs: 1 },
  });
  expect(await scene.states()).toEqual({ active: 1, superseded: 4, condemned: 1 });
  const objects = await scene.mirror();
  expect([objects.includes(lost), loose(lost)]).toEqual([false, true]);
  await maintain();
  expect([await scene.states(), loose(lost)]).toEqual([{ active: 1, superseded: 4, condemned: 1 }, true]);
  await scene.passTime();
  expect(await maintain()).toMatchObject({ outcome: 'done', after: { packs: 1, waiting: 0 } });
  expect(loose(lost)).toBe(false);
  for (const oid of objects) expect(loose(oid), oid).toBe(true);
  expect(await scene.mirror()).toEqual(objects);
});

it('keeps what former tips reach until they are old enough, and tells until when', async () => {
  await scene.grow(1);
  const topic = await scene.grow(1, 'refs/heads/topic');
  await scene.push(ZERO, 'refs/heads/topic');
  await scene.ctx.db.sql`UPDATE former_tips SET left_at = now() + interval '1 day' WHERE repo_id = ${scene.repoId}`;
  const { after, outcome } = await maintain();
  expect([outcome, after.formerTips, loose(topic)]).toEqual(['done', 1, true]);
  expect(after.formerTipsUntil!.getTime()).toBeGreaterThan(Date.now() + 20 * 3_600_000);
});

it('waits for a node that has the repository in hand, and leaves it alone when that takes too long', async () => {
  await scene.grow(2);
  await lock(60);
  expect(await maintain()).toMatchObject({ outcome: 'busy', merges: 0, after: { packs: 2 } });
  await lock(1);
  expect(await maintain(30_000)).toMatchObject({ outcome: 'done', merges: 1, after: { packs: 1 } });
});

it('stores a waiting pack loose first, because packs that are not are never merged', async () => {
  const oid = await scene.grow(2);
  await scene.ctx.db.sql`UPDATE packs SET unpack_next = 0, unpacked_at = NULL WHERE repo_id = ${scene.repoId}`;
  expect(await maintain()).toMatchObject({ outcome: 'done', merges: 1, after: { packs: 1 } });
  expect(loose(oid)).toBe(true);
});

it('says that it comes later when another node stores the packs loose', async () => {
  await scene.grow(2);
  await scene.ctx.db.sql`
    UPDATE packs SET unpack_next = 0, unpacked_at = NULL, unpack_locked_at = now() WHERE repo_id = ${scene.repoId}`;
  expect(await maintain()).toMatchObject({ outcome: 'later', merges: 0, after: { packs: 2 } });
});

it('a push between claim and exchange keeps all that it brings', async () => {
  await scene.grow(3);
  const ctx = scene.ctx as { faultPoint: (at: string) => Promise<void> };
  const earlier = ctx.faultPoint;
  let pushed = '';
  ctx.faultPoint = async (at) => {
    if (at !== 'compact.stored' || pushed !== '') return;
    pushed = 'begun';
    pushed = await scene.grow(1, MAIN);
  };
  expect(await maintain()).toMatchObject({ outcome: 'done' });
  ctx.faultPoint = earlier;
  expect(await scene.mirror()).toContain(pushed);
});

it('a repository that is gone is no work', async () => {
  expect(await maintainRepository(scene.ctx, 'nowhere', 60_000)).toMatchObject({
    outcome: 'busy',
    after: { packs: 0 },
  });
});
