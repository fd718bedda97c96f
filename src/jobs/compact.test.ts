import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signedRequest } from '../../test/support/http.js';
import { MAIN } from '../../test/support/json-push.js';
import { PackScene } from '../../test/support/pack-scene.js';
import { exchangePacks, loadSnapshot, unpackedHashes } from '../catalog/index.js';
import { packKey } from '../storage/index.js';
import { unpackPending } from './index.js';

let scene: PackScene;
beforeAll(async () => {
  scene = await PackScene.start();
});
afterAll(() => scene.pusher.stop());
beforeEach(() => scene.newRepository());
const snapshot = () => loadSnapshot(scene.ctx, scene.repoId);

describe('compaction', () => {
  it('makes one pack of many, from which a clone is served as it lies', async () => {
    const head = await scene.grow(20);
    await scene.pusher.git('tag', '-m', 'annotated', 'v1');
    const tag = await scene.pusher.git('rev-parse', 'v1');
    await scene.push(tag, 'refs/tags/v1');
    const before = await snapshot();
    const objects = await scene.mirror();
    expect(await scene.compact()).toBe(1);
    expect(await scene.states()).toEqual({ active: 1, superseded: 21 });
    const after = await snapshot();
    expect(after.graph).toBe(before.graph);
    expect(after.packs).toMatchObject([{ tight: true, commits: { from: 0, to: 20 }, objects: objects.length }]);
    expect([...after.packs[0]!.tips].sort()).toEqual([tag, head].sort());
    expect(await unpackedHashes(scene.ctx.db, scene.repoId)).toEqual(new Set([after.packs[0]!.hash]));
    expect(await scene.mirror()).toEqual(objects);
    // The repository is not looked at again before the next push.
    expect(await scene.compact()).toBe(0);
    expect(await scene.ctx.db.sql`SELECT 1 FROM pack_maintenance WHERE repo_id = ${scene.repoId}`).toHaveLength(0);
  });

  it('goes on while pushes come, and a node that missed some merges follows', async () => {
    const other = { ...scene.ctx };
    await scene.grow(3);
    expect((await loadSnapshot(other, scene.repoId)).packs).toHaveLength(3);
    await scene.grow(9);
    expect(await scene.compactBusy()).toBe(1);
    expect(await scene.states()).toEqual({ active: 1, superseded: 12 });
    await scene.grow(9);
    expect(await scene.compactBusy()).toBe(1);
    await scene.grow(1);
    const [followed, fresh] = [
      await loadSnapshot(other, scene.repoId),
      await loadSnapshot({ ...scene.ctx }, scene.repoId),
    ];
    expect(followed.packs).toEqual(fresh.packs);
    expect([followed.graph.size, fresh.graph.size]).toEqual([22, 22]);
    for (const { commits, tips } of followed.packs) {
      for (const tip of tips) expect(followed.graph.indexOf(tip)).toBeGreaterThanOrEqual(commits.from);
    }
    await scene.mirror();
  });

  it('does not wait for a long pause, but rewrites no large repository in a short one', async () => {
    const pauseShortly = () =>
      scene.ctx.db.sql`UPDATE pack_maintenance SET changed_at = now() - interval '2 seconds'
        WHERE repo_id = ${scene.repoId}`;
    await scene.grow(9);
    expect(await scene.compactBusy()).toBe(1);
    await scene.grow(1);
    await pauseShortly();
    expect(await scene.compactBusy()).toBe(1);
    expect(await scene.states()).toEqual({ active: 1, superseded: 11 });

    await scene.push(await scene.pusher.commit(randomBytes(6 * 1024 * 1024).toString('base64')));
    await scene.grow(2);
    await pauseShortly();
    expect(await scene.compactBusy()).toBe(0);
    expect(await scene.states()).toMatchObject({ active: 4 });
    expect(await scene.compact()).toBe(1);
    expect(await scene.states()).toMatchObject({ active: 1 });
  });

  it('of packs that changed meanwhile does nothing', async () => {
    await scene.grow(3);
    const { packs } = await snapshot();
    const retired = packs.slice(0, 2).map(({ hash }) => hash);
    const merge = (hashes: string[]) =>
      scene.ctx.db.transaction((tx) =>
        exchangePacks(tx, scene.repoId, { retired: hashes, state: 'superseded', packs: [] }),
      );
    await expect(merge([...retired, 'e'.repeat(40)])).rejects.toThrow('changed meanwhile');
    expect((await snapshot()).packs).toEqual(packs);
    await scene.compact();
    await expect(merge(retired)).rejects.toThrow('changed meanwhile');
    expect(await scene.states()).toEqual({ active: 1, superseded: 3 });
  });

  it('by two nodes at once is done once', async () => {
    await scene.grow(9);
    const merges = await Promise.all([scene.compact(), scene.compact()]);
    expect(merges.sort()).toEqual([0, 1]);
    await scene.mirror();
  });

  it.each(['pack', 'idx', 'meta'])(
    'that cannot store its %s leaves everything as it was and is repeated',
    async (extension) => {
      await scene.grow(3);
      const { packs } = await snapshot();
      const ctx = scene.ctx as { objects: typeof scene.ctx.objects };
      const { objects } = ctx;
      const failing: typeof objects = Object.create(objects);
      failing.putFile = (key, ...rest) =>
        key.endsWith(extension) ? Promise.reject(new Error('out of order')) : objects.putFile(key, ...rest);
      ctx.objects = failing;
      try {
        expect(await scene.compact()).toBe(0);
      } finally {
        ctx.objects = objects;
      }
      expect((await snapshot()).packs).toEqual(packs);
      await scene.mirror();
      expect(await scene.compact()).toBe(1);
      expect(await scene.states()).toEqual({ active: 1, superseded: 3 });
      expect(await scene.ctx.db.sql`SELECT 1 FROM staged_packs WHERE repo_id = ${scene.repoId}`).toHaveLength(0);
      await scene.mirror();
    },
  );

  it('leaves packs of a fork where they are, and their files as long as the fork reads them', async () => {
    await scene.grow(4);
    const body = { name: `fork-${scene.repoId}` };
    const { app, owner } = scene.pusher;
    const asked = { action: 'repo_fork', body };
    const fork = (await signedRequest(app, owner, 'POST', `/v1/repos/${scene.repoId}/fork`, asked)).json.data;
    const objects = await scene.mirror();
    await scene.compact();
    expect(await scene.states()).toEqual({ active: 1, superseded: 4 });
    expect(await scene.states(fork.repoId)).toEqual({ active: 4 });
    await scene.passTime();
    await scene.retire();
    expect(await scene.states()).toEqual({ active: 1, superseded: 4 });
    scene.pusher.repo = fork;
    expect(await scene.mirror()).toEqual(objects);
  });

  it('waits for packs that are not stored loose yet', async () => {
    for (let i = 0; i < 120; i++) writeFileSync(join(scene.pusher.work, `file-${i}`), `${i}`);
    await scene.grow(3);
    expect(await scene.compact()).toBe(1);
    expect(await scene.states()).toEqual({ active: 2, superseded: 2 });
    await unpackPending(scene.ctx, new AbortController().signal);
    expect(await scene.compact()).toBe(1);
    expect(await scene.states()).toMatchObject({ active: 1 });
    await scene.mirror();
  });

  it('removes what was merged when the grace time is over, by a note', async () => {
    await scene.grow(3);
    const { packs } = await snapshot();
    await scene.compact();
    const files = packs.flatMap(({ hash }) => [
      packKey(scene.repoId, hash, 'pack'),
      packKey(scene.repoId, hash, 'idx'),
    ]);
    await scene.retire();
    expect(files.every((key) => scene.stored(key))).toBe(true);
    await scene.passTime();
    expect(await scene.retire()).toBeGreaterThanOrEqual(3);
    expect(await scene.states()).toEqual({ active: 1 });
    expect(files.some((key) => scene.stored(key))).toBe(false);
    expect(await scene.ctx.db.sql`SELECT 1 FROM staged_packs WHERE repo_id = ${scene.repoId}`).toHaveLength(0);
    await scene.mirror();
  });

  it('keeps a merged pack that is pushed once more', async () => {
    const first = await scene.grow(1);
    await scene.grow(1);
    await scene.compact();
    scene.refs.delete('refs/heads/again');
    expect(await scene.push(first, 'refs/heads/again', [])).toBe(200);
    expect(await scene.states()).toEqual({ active: 2, superseded: 1 });
    await scene.passTime();
    await scene.retire();
    await scene.mirror();
    await scene.compact();
    await scene.passTime();
    await scene.retire();
    expect(await scene.states()).toEqual({ active: 1 });
    await scene.mirror();
    expect(scene.refs.get(MAIN)).not.toBe(first);
  });
});
