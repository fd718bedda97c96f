/** What a small push does in its transaction while its files are on their way to the disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { JsonPusher, MAIN, ZERO } from '../../test/support/json-push.js';
import type { PackEngine } from '../packs/index.js';

let pusher: JsonPusher;
let store: PackEngine['store'];
let first: string;

beforeAll(async () => {
  pusher = await JsonPusher.start();
  ({ store } = pusher.app.ctx.engine);
});
afterAll(() => pusher.stop());
beforeEach(async () => {
  pusher.app.ctx.engine.store = store;
  await pusher.newRepository();
  first = await pusher.commit('first');
  await create(MAIN);
});

const create = async (refName: string) => {
  const updates = [{ refName, oldOid: ZERO, newOid: first }];
  expect((await pusher.push(await pusher.packOf(first), updates)).status).toBe(200);
};

const update = async (refName: string, text: string) => {
  const next = await pusher.commit(text);
  const pack = await pusher.packOf(next, `^${first}`);
  return { next, pushed: () => pusher.push(pack, [{ refName, oldOid: first, newOid: next }]) };
};

/** Makes the files of every push wait until they are let go. */
function holdFiles() {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const calls: string[] = [];
  pusher.app.ctx.engine.store = async (write, leave) => {
    calls.push(write.root);
    await held;
    await store(write, leave);
  };
  return { letGo, calls };
}

/** Whether somebody holds the repository's row. */
const isLocked = async () => {
  const rows = await pusher.app.ctx.db.sql`
    SELECT 1 FROM repositories WHERE repo_id = ${pusher.repo.repoId} FOR UPDATE SKIP LOCKED`;
  return rows.length === 0;
};

/** How many transactions are open and wait for us. */
const open = async () => {
  const rows = await pusher.app.ctx.db.sql`
    SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`;
  return rows.length;
};

test('the transaction is complete but for the commit while the files are written', async () => {
  const { next, pushed } = await update(MAIN, 'second');
  const { letGo } = holdFiles();
  const answer = pushed();
  await expect.poll(isLocked).toBe(true);
  expect((await pusher.refs()).get(MAIN)).toBe(first);
  letGo();
  expect((await answer).status).toBe(200);
  expect((await pusher.refs()).get(MAIN)).toBe(next);
});

test('where another pack is being stored a push opens its transaction when its own is', async () => {
  await create('refs/heads/other');
  const one = await update(MAIN, 'second');
  const two = await update('refs/heads/other', 'third');
  const { letGo, calls } = holdFiles();
  const answers = [one.pushed()];
  await expect.poll(isLocked).toBe(true);
  answers.push(two.pushed());
  await expect.poll(() => calls.length).toBe(2);
  await sleep(200);
  expect(await open()).toBe(1);
  letGo();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  const refs = await pusher.refs();
  expect([refs.get(MAIN), refs.get('refs/heads/other')]).toEqual([one.next, two.next]);
});

test('nothing of a push stays when its files cannot be written in the end', async () => {
  const { next, pushed } = await update(MAIN, 'second');
  pusher.app.ctx.engine.store = async () => {
    await expect.poll(isLocked).toBe(true);
    throw new Error('no space');
  };
  expect((await pushed()).status).toBe(500);
  expect((await pusher.refs()).get(MAIN)).toBe(first);
  const { sql } = pusher.app.ctx.db;
  const events = await sql`SELECT 1 FROM push_events WHERE repo_id = ${pusher.repo.repoId}`;
  expect(events).toHaveLength(1);
  pusher.app.ctx.engine.store = store;
  expect((await pushed()).status).toBe(200);
  expect((await pusher.refs()).get(MAIN)).toBe(next);
});
