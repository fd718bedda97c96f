import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ZERO } from '../../../test/support/json-push.js';
import { PackScene } from '../../../test/support/pack-scene.js';
import type { AppContext } from '../../context.js';
import { findRepositoryById } from '../../repos/index.js';
import { readContents } from './contents.js';

let scene: PackScene;
/** A node beside the one that takes the pushes. */
let reader: AppContext;
let queries = 0;
beforeAll(async () => {
  scene = await PackScene.start();
  const { db } = scene.ctx;
  const sql = new Proxy(db.sql, {
    apply(target, self, args) {
      queries += 1;
      return Reflect.apply(target, self, args);
    },
  });
  reader = { ...scene.ctx, db: { ...db, sql } };
});
afterAll(() => scene.pusher.stop());
beforeEach(() => scene.newRepository());

async function read() {
  const repo = await findRepositoryById(scene.ctx.db, scene.repoId);
  queries = 0;
  const { refs, snapshot } = await readContents(reader, repo!);
  return { tips: refs.map(({ oid }) => oid), snapshot, queries };
}

/** Reads twice: what changed meanwhile costs queries, what is known costs none. */
async function readTwice() {
  const first = await read();
  const again = await read();
  expect(first.queries).toBeGreaterThan(0);
  expect(again).toEqual({ ...first, queries: 0 });
  expect(again.snapshot).toBe(first.snapshot);
  return first;
}

it('asks nothing while nothing changed, and sees what another node changed at once', async () => {
  await readTwice();
  const base = await scene.grow(2);
  const grown = await readTwice();
  expect([grown.tips, grown.snapshot.graph.has(base), grown.snapshot.packs.length]).toEqual([[base], true, 2]);

  const lost = await scene.grow(1, 'refs/heads/topic');
  expect((await readTwice()).tips).toEqual([base, lost]);
  expect(await scene.push(ZERO, 'refs/heads/topic')).toBe(200);
  const deleted = await readTwice();
  expect([deleted.tips, deleted.snapshot.graph.has(lost)]).toEqual([[base], true]);

  await scene.compact();
  expect((await readTwice()).snapshot.packs).toHaveLength(1);
  expect(await scene.collect()).toBe(1);
  const collected = await readTwice();
  expect([collected.snapshot.graph.has(lost), collected.snapshot.graph.has(base)]).toEqual([false, true]);
});

it('never has refs that lead outside of its packs, while pushes commit', async () => {
  await scene.grow(1);
  const seen: boolean[] = [];
  let isPushing = true;
  const reading = (async () => {
    while (isPushing) {
      const { tips, snapshot } = await read();
      seen.push(tips.every((tip) => snapshot.graph.has(tip)));
    }
  })();
  const last = await scene.grow(8).finally(() => {
    isPushing = false;
  });
  await reading;
  expect(seen).not.toContain(false);
  expect((await read()).tips).toEqual([last]);
});
