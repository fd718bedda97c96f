import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { startTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.js';
import { type Database, openDatabase } from './index.js';

const CONNECTIONS = 6;

let test: TestDatabase;
let proxy: TcpProxy;
let db: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  await test.db.sql`CREATE TABLE notes (number int)`;
});
afterAll(() => test.drop());
afterEach(async () => {
  await db.close();
  await proxy?.close();
});

async function openThroughProxy(): Promise<void> {
  const address = new URL(test.url);
  proxy = await startTcpProxy({ host: address.hostname, port: Number(address.port) });
  address.port = String(proxy.port);
  db = openDatabase({ url: address.href, maxConnections: CONNECTIONS });
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const listening = async () =>
  (await test.db.sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen %'`)
    .length;

it('settles everything that is sent while its connections are reset, and says of nothing that it is done', async () => {
  for (let round = 0; round < 15; round++) {
    await openThroughProxy();
    await Promise.all(Array.from({ length: CONNECTIONS }, () => db.sql`SELECT pg_sleep(0.02)`));
    // Each loses its query, and writes at once: on a connection that was reset as well and has not said so yet.
    const write = async (number: number) => {
      await expect(db.sql`SELECT pg_sleep(10)`).rejects.toThrow();
      const insert = (sql: Database['sql']) => sql`INSERT INTO notes VALUES (${number}) RETURNING number`;
      const rows = await (number % 2 === 0
        ? insert(db.sql)
        : db.transaction((tx) => insert(tx.sql as Database['sql']))
      ).catch(() => undefined);
      if (rows !== undefined) expect(rows).toEqual([{ number }]);
      return rows === undefined ? [] : [number];
    };
    const writes = Promise.all([0, 1, 2].map((n) => write(10 * round + n)));
    await pause(60);
    proxy.cut();
    proxy.open();
    const said = (await writes).flat();
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, n) => db.sql`SELECT ${n}::int AS n`));
    expect(numbers.map(([row]) => row?.n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const done = await test.db.sql<{ number: number }[]>`SELECT number FROM notes WHERE number / 10 = ${round}`;
    expect(done.map(({ number }) => number)).toEqual(expect.arrayContaining(said));
    await db.close();
    await proxy.close();
  }
}, 60_000);

it('hears again after its connection was reset, and leaves none behind when it ends', async () => {
  await openThroughProxy();
  const heard: string[] = [];
  let begun = 0;
  const listen = (channel: string) =>
    db.listen(
      channel,
      (payload) => heard.push(`${channel} ${payload}`),
      () => begun++,
    );
  listen('one');
  listen('two');
  await vi.waitFor(() => expect(begun).toBe(2));
  for (const [round, channel] of ['one', 'two', 'one'].entries()) {
    proxy.cut();
    await pause(150);
    proxy.open();
    await vi.waitFor(() => expect(begun).toBe(2 * round + 4), { timeout: 10_000 });
    await test.db.sql`SELECT pg_notify(${channel}, ${String(round)})`;
    await vi.waitFor(() => expect(heard).toHaveLength(round + 1));
  }
  expect(heard).toEqual(['one 0', 'two 1', 'one 2']);
  // In the middle of coming back, where the driver would have opened one more after its end.
  proxy.cut();
  proxy.open();
  await db.close();
  await vi.waitFor(async () => expect(await listening()).toBe(0), { timeout: 5_000 });
});

it('fails at once, and does not try for ever, where connections are taken and closed', async () => {
  let taken = 0;
  const server = createServer((socket) => {
    taken += 1;
    socket.destroy();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  db = openDatabase({ url: `postgres://u:secret@127.0.0.1:${port}/x`, maxConnections: 2 });
  for (let n = 0; n < 3; n++) await expect(db.check()).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
  await expect(db.transaction((tx) => tx.now())).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
  expect(taken).toBe(4);
  server.close();
});

it('ends at once while connections are being made to a server that says nothing', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  db = openDatabase({ url: `postgres://u:secret@127.0.0.1:${port}/x`, maxConnections: 2 });
  db.listen('one', () => {});
  const refused = expect(db.check()).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
  await vi.waitFor(() => expect(sockets).toHaveLength(2));
  await db.close();
  await refused;
  await Promise.all(sockets.map((socket) => socket.resume().destroyed || once(socket, 'close')));
  server.close();
}, 5_000);

it('makes do with the connections it has where Postgres has no room for more', async () => {
  await test.db.sql`CREATE ROLE narrow LOGIN PASSWORD 'narrow' CONNECTION LIMIT 2`;
  const address = new URL(test.url);
  Object.assign(address, { username: 'narrow', password: 'narrow' });
  const narrow = openDatabase({ url: address.href, maxConnections: CONNECTIONS });
  const pids = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      n % 3 === 0
        ? narrow.transaction(async (tx) => [...(await tx.sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)])
        : narrow.sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid, pg_sleep(0.01)`,
    ),
  );
  expect(new Set(pids.map(([row]) => row?.pid)).size).toBe(2);
  await narrow.close();
  await test.db.sql`DROP ROLE narrow`;
});

it('sends brief queries of one moment down one connection, and no other behind them', async () => {
  await openThroughProxy();
  await Promise.all(Array.from({ length: CONNECTIONS }, () => db.sql`SELECT pg_sleep(0.02)`));
  const pid = async ({ sql }: Pick<Database, 'sql'>) =>
    (await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]?.pid;
  const [first, second, third, other] = await Promise.all([pid(db.brief), pid(db.brief), pid(db.brief), pid(db)]);
  expect(new Set([first, second, third, other]).size).toBe(2);
  expect(other).not.toBe(first);
  const ends: string[] = [];
  const slow = db.brief.sql`SELECT pg_sleep(0.3)`.then(() => ends.push('slow'));
  const inTransaction = db.transaction(async (tx) => {
    await tx.sql`SELECT pg_sleep(0.3)`;
    ends.push('transaction');
  });
  await pause(20);
  await pid(db.brief);
  ends.push('later');
  await Promise.all([slow, inTransaction]);
  expect(ends[0]).toBe('later');
});

it('refuses queries of a transaction that has ended', async () => {
  await openThroughProxy();
  const left = await db.transaction(async (tx) => tx);
  await expect(left.sql`SELECT 1`).rejects.toThrow('the transaction has ended');
});

it('has no more connections than it may, and gives those back that were lost', async () => {
  await openThroughProxy();
  for (let round = 0; round < 3; round++) {
    const pids = await Promise.all(
      Array.from({ length: 30 }, () => db.sql`SELECT pg_backend_pid() AS pid, pg_sleep(0.02)`),
    );
    expect(new Set(pids.map(([row]) => row?.pid)).size).toBe(CONNECTIONS);
    expect(db.poolState()).toMatchObject({ active: 0, idle: CONNECTIONS, max: CONNECTIONS, waiting: 0 });
    proxy.cut();
    proxy.open();
    await pause(50);
  }
});
