import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { openDatabase, type Tx } from './index.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
  await test.db.sql`CREATE TABLE notes (text text)`;
});
afterAll(() => test.drop());

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const kill = (pid: number) => test.db.sql`SELECT pg_terminate_backend(${pid}::int)`;
const pidOf = async (tx: Tx) => (await tx.sql<[{ pid: number }]>`SELECT pg_backend_pid() AS pid`)[0].pid;
const notes = async () => (await test.db.sql<{ text: string }[]>`SELECT text FROM notes`).map(({ text }) => text);

/** Errors that nobody could catch fail the test run by themselves. */
async function survives(work: (tx: Tx) => Promise<unknown>): Promise<void> {
  // One connection, so that whatever leaks out of the lost transaction would land where the next one runs.
  const db = openDatabase({ url: test.url, maxConnections: 1 });
  await expect(db.transaction(work)).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
  const next = () =>
    db.transaction(async (tx) => {
      await tx.sql`INSERT INTO notes VALUES ('next')`;
      await pause(300);
    });
  // The one that is handed the dying connection fails as well, cleanly; the one after that has a new connection.
  await next().catch(() => next());
  expect(await notes()).toContain('next');
  expect(await notes()).not.toContain('lost');
  await test.db.sql`DELETE FROM notes`;
  await db.close();
}

it('survives a session that ends under a query', () =>
  survives(async (tx) => {
    await tx.sql`INSERT INTO notes VALUES ('lost')`;
    await tx.sql`SELECT pg_terminate_backend(pg_backend_pid())`;
  }));

it('survives a session that another one ends under a query', () =>
  survives(async (tx) => {
    const pid = await pidOf(tx);
    setTimeout(() => kill(pid).catch(() => {}), 50);
    await tx.sql`INSERT INTO notes VALUES ('lost')`;
    await tx.sql`SELECT pg_sleep(5)`;
  }));

it('survives a session that ends between queries, and runs nothing of it elsewhere', () =>
  survives(async (tx) => {
    await tx.sql`INSERT INTO notes VALUES ('lost')`;
    await kill(await pidOf(tx));
    await pause(150);
    await tx.sql`INSERT INTO notes VALUES ('lost')`;
  }));

it('survives work that goes on after the loss', () =>
  survives(async (tx) => {
    await tx.sql`SELECT pg_terminate_backend(pg_backend_pid())`.catch(() => {});
    for (let n = 0; n < 10; n++) {
      await tx.sql`INSERT INTO notes VALUES ('lost')`.catch(() => {});
      await tx.orm.execute(`INSERT INTO notes VALUES ('lost')`).catch(() => {});
      await pause(20);
    }
  }));

it('survives work that fails for its own reasons after the loss', () =>
  survives(async (tx) => {
    await kill(await pidOf(tx));
    await pause(150);
    throw new Error('its own');
  }));

it('survives many at once', async () => {
  const db = openDatabase({ url: test.url, maxConnections: 8 });
  const pids = new Set<number>();
  const outcomes = Promise.allSettled(
    Array.from({ length: 40 }, (_, n) =>
      db.transaction(async (tx) => {
        pids.add(await pidOf(tx));
        await tx.sql`INSERT INTO notes VALUES (${`many ${n}`})`;
        await pause(n % 7);
        await tx.sql`SELECT pg_sleep(0.01)`;
        return n;
      }),
    ),
  );
  for (let n = 0; n < 10; n++) {
    await pause(10);
    await Promise.all([...pids].map(kill));
  }
  const done = (await outcomes).flatMap((outcome) => (outcome.status === 'fulfilled' ? [`many ${outcome.value}`] : []));
  expect(await notes()).toEqual(expect.arrayContaining(done));
  // Every connection of the pool comes back: as many transactions as there are connections run side by side.
  const alive = () => db.transaction((tx) => tx.sql`SELECT pg_backend_pid() AS pid, pg_sleep(0.1)`);
  await Promise.allSettled(Array.from({ length: 8 }, alive));
  const backends = await Promise.all(Array.from({ length: 8 }, alive));
  expect(new Set(backends.map(([row]) => row?.pid)).size).toBe(8);
  await db.close();
});
