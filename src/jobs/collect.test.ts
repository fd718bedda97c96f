import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, ZERO } from '../../test/support/json-push.js';
import { PackScene } from '../../test/support/pack-scene.js';
import { loadSnapshot } from '../catalog/index.js';
import { looseKey } from '../storage/index.js';

let scene: PackScene;
beforeAll(async () => {
  scene = await PackScene.start();
});
afterAll(() => scene.pusher.stop());
beforeEach(() => scene.newRepository());
const snapshot = () => loadSnapshot(scene.ctx, scene.repoId);
const loose = (oid: string) => scene.stored(looseKey(scene.repoId, oid));

/** A branch whose last commit was replaced by another one. */
async function rewrite(): Promise<{ kept: string; lost: string; blob: string; next: string }> {
  const kept = await scene.grow(2);
  const lost = await scene.grow(1);
  const blob = await scene.pusher.git('rev-parse', `${lost}:file.txt`);
  await scene.pusher.git('reset', '-q', '--hard', kept);
  const next = await scene.pusher.commit('next\n');
  expect(await scene.push(next)).toBe(200);
  return { kept, lost, blob, next };
}

describe('garbage collection', () => {
  it('removes what a rewritten branch left, loose objects too, and nothing else', async () => {
    const { kept, lost, blob, next } = await rewrite();
    await scene.compact();
    const objects = await scene.mirror();
    expect(objects).not.toContain(lost);
    for (const oid of [kept, lost, blob, next]) expect(loose(oid)).toBe(true);
    await scene.ctx.db.sql`UPDATE former_tips SET left_at = now() + interval '1 day' WHERE repo_id = ${scene.repoId}`;
    await scene.collect();
    expect((await snapshot()).graph.has(lost)).toBe(true);

    await scene.ctx.db.sql`UPDATE former_tips SET left_at = now() WHERE repo_id = ${scene.repoId}`;
    expect(await scene.collect()).toBe(1);
    const after = await snapshot();
    expect([after.graph.has(lost), after.graph.has(next)]).toEqual([false, true]);
    expect(after.packs).toMatchObject([{ tight: true, tips: [next], objects: objects.length }]);
    expect(await scene.states()).toEqual({ active: 1, superseded: 4, condemned: 1 });
    expect(await scene.mirror()).toEqual(objects);
    await scene.collect();
    expect(loose(blob)).toBe(true);

    await scene.passTime();
    await scene.collect();
    await scene.retire();
    expect(await scene.states()).toEqual({ active: 1 });
    for (const oid of objects) expect(loose(oid), oid).toBe(true);
    for (const oid of [lost, blob]) expect(loose(oid), oid).toBe(false);
    expect(await scene.mirror()).toEqual(objects);
    expect(await scene.collect()).toBe(0);
  });

  it('removes everything of a repository whose last ref was deleted', async () => {
    const oid = await scene.grow(2, 'refs/tags/topic');
    expect(await scene.push(ZERO, 'refs/tags/topic')).toBe(200);
    await scene.collect();
    expect((await snapshot()).packs).toEqual([]);
    await scene.passTime();
    await scene.collect();
    await scene.retire();
    expect([await scene.states(), loose(oid)]).toEqual([{}, false]);
    await scene.grow(1);
    await scene.mirror();
  });

  it('keeps apart what only hidden refs reach, so that clones stay one file', async () => {
    const { lost, next } = await rewrite();
    await scene.ctx.db.sql`
      INSERT INTO repo_refs (repo_id, ref_name, oid) VALUES (${scene.repoId}, 'refs/pull/1/head', ${lost})`;
    const other = await scene.grow(1, 'refs/heads/other');
    await scene.push(ZERO, 'refs/heads/other');
    await scene.collect();
    const { packs, graph } = await snapshot();
    expect([graph.has(other), graph.has(lost)]).toEqual([false, true]);
    expect(packs).toMatchObject([
      { tight: true, tips: [next] },
      { tight: true, tips: [lost] },
    ]);
    expect(packs[0]!.seq).toBe(packs[1]!.seq);
    await scene.mirror();
    await scene.compact();
    expect((await snapshot()).packs).toHaveLength(1);
    await scene.mirror();
  });

  it('lets a push that names a condemned object fail, and one that brings it succeed', async () => {
    const { lost, blob, kept } = await rewrite();
    await scene.collect();
    const child = async () => {
      await scene.pusher.git('checkout', '-q', lost);
      return scene.pusher.commit('on top of what is gone\n');
    };
    const top = await child();
    expect(await scene.push(top, 'refs/heads/back', [lost])).toBe(400);
    expect(await scene.push(lost, 'refs/heads/back', [lost])).toBe(400);
    expect(await scene.push(top, 'refs/heads/back', [kept])).toBe(200);
    const objects = await scene.mirror();
    expect(objects).toEqual(expect.arrayContaining([lost, blob, top]));
    await scene.passTime();
    await scene.collect();
    await scene.retire();
    expect(await scene.mirror()).toEqual(objects);
    for (const oid of objects) expect(loose(oid), oid).toBe(true);
  });

  describe('while a push is under way', () => {
    const during = async (point: string, work: () => Promise<void>, push: () => Promise<number>) => {
      const ctx = scene.ctx as { faultPoint: (at: string) => Promise<void> };
      const earlier = ctx.faultPoint;
      let done = false;
      ctx.faultPoint = async (at) => {
        if (at !== point || done) return;
        done = true;
        await work();
      };
      try {
        return await push();
      } finally {
        ctx.faultPoint = earlier;
        expect(done).toBe(true);
      }
    };

    it.each([
      [
        'names the dropped commit',
        'push.before-commit',
        async (lost: string) => scene.push(lost, 'refs/heads/back', [lost]),
      ],
      [
        'builds on it',
        'push.pack-stored',
        async (lost: string) => {
          await scene.pusher.git('checkout', '-q', lost);
          return scene.push(await scene.pusher.commit('on top\n'), 'refs/heads/back', [lost]);
        },
      ],
    ])('one that %s is refused, and can be repeated whole', async (_, point, push) => {
      const { lost, kept } = await rewrite();
      const collect = async () => {
        expect(await scene.collect()).toBe(1);
      };
      expect(await during(point, collect, () => push(lost))).toBe(400);
      const objects = await scene.mirror();
      expect(objects).not.toContain(lost);
      expect(await scene.push(lost, 'refs/heads/back', [kept])).toBe(200);
      expect(await scene.mirror()).toContain(lost);
    });

    it('one that needs nothing of it goes through', async () => {
      const { next } = await rewrite();
      await scene.pusher.git('checkout', '-q', next);
      const oid = await scene.pusher.commit('quite another thing\n');
      const collect = async () => {
        expect(await scene.collect()).toBe(1);
      };
      expect(await during('push.before-commit', collect, () => scene.push(oid, MAIN, []))).toBe(200);
      expect(await scene.mirror()).toContain(oid);
    });

    it('a push between the walk and the exchange is looked at: what it needs is not dropped', async () => {
      const { lost } = await rewrite();
      const pushed = async () => {
        expect(await scene.push(lost, 'refs/heads/back', [lost])).toBe(200);
      };
      await during('collect.stored', pushed, async () => {
        expect(await scene.collect()).toBe(0);
        return 200;
      });
      expect((await snapshot()).graph.has(lost)).toBe(true);
      expect(await scene.mirror()).toContain(lost);
      // The next round sees the new ref.
      await scene.collect();
      expect(await scene.mirror()).toContain(lost);
    });

    it('a push between the walk and the exchange that needs nothing is kept with all it brings', async () => {
      const { lost, next } = await rewrite();
      await scene.pusher.git('checkout', '-q', next);
      const oid = await scene.pusher.commit('new\n');
      const pushed = async () => {
        expect(await scene.push(oid)).toBe(200);
      };
      await during('collect.stored', pushed, async () => {
        expect(await scene.collect()).toBe(1);
        return 200;
      });
      const { graph } = await snapshot();
      expect([graph.has(lost), graph.has(oid)]).toEqual([false, true]);
      expect(await scene.mirror()).toContain(oid);
    });
  });

  it('brings a condemned pack back should something in use name what is in it', async () => {
    const { lost, blob, next } = await rewrite();
    await scene.pusher.git('checkout', '-q', lost);
    const top = await scene.pusher.commit('on top\n');
    // What must never happen: a pack comes into use although the check under the lock would have refused it.
    await scene.push(top, 'refs/heads/top', [lost]);
    const [row] = await scene.ctx.db.sql<{ hash: string }[]>`
      SELECT hash FROM packs WHERE repo_id = ${scene.repoId} ORDER BY seq DESC LIMIT 1`;
    await scene.ctx.db.sql`UPDATE packs SET state = 'hidden' WHERE repo_id = ${scene.repoId} AND hash = ${row!.hash}`;
    await scene.ctx.db.sql`DELETE FROM repo_refs WHERE repo_id = ${scene.repoId} AND ref_name = 'refs/heads/top'`;
    await scene.ctx.db.sql`
      UPDATE repositories SET packs_version = packs_version + 1, refs_version = refs_version + 1 WHERE repo_id = ${scene.repoId}`;
    expect(await scene.collect()).toBe(1);
    expect((await snapshot()).graph.has(lost)).toBe(false);
    await scene.ctx.db.sql`
      UPDATE packs SET state = 'active' WHERE repo_id = ${scene.repoId} AND hash = ${row!.hash}`;
    await scene.ctx.db.sql`
      UPDATE repositories SET packs_version = packs_version + 1 WHERE repo_id = ${scene.repoId}`;

    await scene.passTime();
    expect(await scene.collect()).toBe(0);
    expect(scene.pusher.app.logs.some(({ msg }) => msg === 'a condemned pack is in use again')).toBe(true);
    await scene.ctx.db
      .sql`INSERT INTO repo_refs (repo_id, ref_name, oid) VALUES (${scene.repoId}, 'refs/heads/top', ${top})`;
    await scene.ctx.db.sql`UPDATE repositories SET refs_version = refs_version + 1 WHERE repo_id = ${scene.repoId}`;
    const objects = await scene.mirror();
    expect(objects).toEqual(expect.arrayContaining([lost, blob, top, next]));
    for (const oid of objects) expect(loose(oid), oid).toBe(true);
  });

  it('does not delete loose objects while a push may be writing them', async () => {
    const { blob } = await rewrite();
    await scene.collect();
    await scene.passTime();
    await scene.ctx.db.sql`INSERT INTO staged_packs (repo_id, hash) VALUES (${scene.repoId}, ${'a'.repeat(40)})`;
    expect(await scene.collect()).toBe(0);
    expect([loose(blob), await scene.states()]).toEqual([
      true,
      expect.objectContaining({ condemned: expect.any(Number) }),
    ]);
    await scene.ctx.db.sql`DELETE FROM staged_packs WHERE repo_id = ${scene.repoId}`;
    expect(await scene.collect()).toBe(1);
    expect([loose(blob), await scene.states()]).toEqual([false, { active: 1 }]);
  });
});
