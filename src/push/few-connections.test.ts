/** Many small pushes at once over a pool of few connections, as the embedded database has. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JsonPusher, ZERO } from '../../test/support/json-push.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { type Database, openDatabase } from '../db/index.js';

const BRANCHES = 24;
const ROUNDS = 15;
/** Longer than all of it takes by far. */
const LIMIT_MS = 60_000;

let database: TestDatabase;
let db: Database;
let pusher: JsonPusher;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, maxConnections: 3 });
  pusher = await JsonPusher.start({}, { db });
});
afterAll(async () => {
  await pusher.stop();
  await db.close();
  await database.drop();
});

test(
  'every push ends, while other work asks the database too',
  async () => {
    await pusher.newRepository();
    const first = await pusher.commit('first');
    const packs: { branch: string; oldOid: string; newOid: string; pack: Buffer }[][] = [];
    for (let i = 0; i < BRANCHES; i++) {
      const branch = `refs/heads/branch-${i}`;
      const chain = [{ branch, oldOid: ZERO, newOid: first, pack: await pusher.packOf(first) }];
      await pusher.git('checkout', '-q', '--detach', first);
      for (let round = 0; round < ROUNDS; round++) {
        const oldOid = chain.at(-1)!.newOid;
        const newOid = await pusher.commit(`${branch} ${round}`);
        chain.push({ branch, oldOid, newOid, pack: await pusher.packOf(newOid, `^${oldOid}`) });
      }
      packs.push(chain);
    }
    const done = new AbortController();
    const asking = Array.from({ length: 4 }, async () => {
      while (!done.signal.aborted) {
        await Promise.all([db.sql`SELECT 1`, db.sql`SELECT 2`, db.sql`SELECT 3`]);
        await sleep(1);
      }
    });
    const pushing = packs.map(async (chain) => {
      for (const { branch, oldOid, newOid, pack } of chain) {
        expect((await pusher.push(pack, [{ refName: branch, oldOid, newOid }])).status).toBe(200);
      }
    });
    await Promise.all(pushing);
    done.abort();
    await Promise.all(asking);
    const refs = await pusher.refs();
    expect(packs.map((chain) => refs.get(chain[0]!.branch))).toEqual(packs.map((chain) => chain.at(-1)!.newOid));
  },
  LIMIT_MS,
);
