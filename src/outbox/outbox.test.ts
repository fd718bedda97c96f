import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTestApp, type TestApp } from '../../test/support/http.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { startRelay } from '../../test/support/relay.js';
import { appendAudit, type OutboxTopic } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { openDatabase, type Tx } from '../db/index.js';
import { type Outbox, type OutboxEvent, type OutboxOptions, startOutbox } from './index.js';

let database: TestDatabase;
let app: TestApp;
let running: Outbox[];
beforeEach(async () => {
  database = await createTestDatabase();
  app = await startTestApp({ db: database.db });
  running = [];
  await database.db.sql`CREATE TABLE effects (outbox_id uuid, worker text)`;
});
afterEach(async () => {
  await Promise.all(running.map((outbox) => outbox.stop()));
  await app.close();
  await database.drop();
});

/** Starts a worker that is told of nothing but what it looks for every 20 ms, unless asked otherwise. */
function start(options: OutboxOptions, ctx: AppContext = app.ctx): Outbox {
  const outbox = startOutbox(ctx, { pollMs: 20, ...options });
  running.push(outbox);
  return outbox;
}

/** Commits `count` events of a topic. @returns their audit event ids */
async function emit(topic: OutboxTopic, count = 1): Promise<string[]> {
  return database.db.transaction(async (tx) => {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      const event = { agentId: 'a', action: 'push', resourceType: 'repository', resourceId: 'r', signature: 's' };
      ids.push((await appendAudit(tx, { ...event, data: { n }, topics: [topic] })).eventId);
    }
    return ids;
  });
}

interface Row {
  outbox_id: string;
  status: string;
  attempts: number;
  locked_by: string | null;
  locked_at: Date | null;
  last_error: string | null;
  processed_at: Date | null;
}
const rows = (topic: OutboxTopic) =>
  database.db.sql<Row[]>`SELECT * FROM event_outbox WHERE topic = ${topic} ORDER BY created_at`;
const statuses = async (topic: OutboxTopic) => (await rows(topic)).map(({ status }) => status);
const unsettled = async (topic: OutboxTopic) =>
  (await statuses(topic)).filter((status) => status === 'pending' || status === 'processing').length;
const settled = (topic: OutboxTopic) => expect.poll(() => unsettled(topic), { timeout: 10_000, interval: 20 }).toBe(0);
/** A handler whose work can be counted. */
const effect = async (event: OutboxEvent) => async (tx: Tx) => {
  await tx.sql`INSERT INTO effects VALUES (${event.outboxId}, ${event.worker})`;
};
const effects = async () =>
  (await database.db.sql<{ outbox_id: string; worker: string }[]>`SELECT * FROM effects`).map((row) => ({ ...row }));

describe('workers', () => {
  it('share the rows and have the effect of each exactly once', async () => {
    const pools = [1, 2].map(() => openDatabase({ url: database.url, maxConnections: 5 }));
    await emit('webhook', 300);
    for (const db of [database.db, ...pools]) start({ handlers: { webhook: effect } }, { ...app.ctx, db });
    await expect.poll(async () => (await effects()).length, { timeout: 20_000 }).toBe(300);
    await Promise.all(running.map((outbox) => outbox.stop()));
    const done = await effects();
    expect(new Set(done.map((row) => row.outbox_id)).size).toBe(300);
    expect(done).toHaveLength(300);
    expect(new Set(done.map((row) => row.worker)).size).toBeGreaterThan(1);
    expect(new Set(await statuses('webhook'))).toEqual(new Set(['processed']));
    for (const row of await rows('webhook')) {
      expect(row).toMatchObject({ attempts: 1, locked_by: null, locked_at: null, processed_at: expect.any(Date) });
    }
    await Promise.all(pools.map((db) => db.close()));
  });

  it('get the event in the order it happened, with its data', async () => {
    const ids = await emit('webhook', 12);
    const seen: OutboxEvent[] = [];
    start({ handlers: { webhook: async (event) => void seen.push(event) } });
    await settled('webhook');
    expect(seen.map((event) => event.eventId)).toEqual(ids);
    expect(seen[3]).toEqual({
      outboxId: expect.any(String),
      topic: 'webhook',
      attempts: 1,
      worker: expect.stringMatching(/^.{38,64}$/),
      eventId: ids[3],
      agentId: 'a',
      action: 'push',
      resourceType: 'repository',
      resourceId: 'r',
      data: { n: 3 },
      timestamp: expect.any(Date),
    });
  });

  it('wake when an event commits, and not before', async () => {
    const seen: number[] = [];
    start({ pollMs: 3_600_000, handlers: { webhook: async () => void seen.push(Date.now()) } });
    await listening();
    let committed = 0;
    await database.db.transaction(async (tx) => {
      const event = { agentId: 'a', action: 'push', resourceType: 'repository', resourceId: 'r', signature: 's' };
      await appendAudit(tx, { ...event, data: {}, topics: ['webhook'] });
      await new Promise((done) => setTimeout(done, 200));
      committed = Date.now();
    });
    await expect.poll(() => seen.length, { timeout: 5_000, interval: 5 }).toBe(1);
    expect(seen[0]).toBeGreaterThanOrEqual(committed);
    expect(seen[0]! - committed).toBeLessThan(2_000);
  });

  it('listen again after their connection was cut', async () => {
    const seen: string[] = [];
    start({ pollMs: 3_600_000, handlers: { webhook: async (event) => void seen.push(event.eventId) } });
    const before = await listening();
    await database.db.sql`SELECT pg_terminate_backend(${before}::int)`;
    await expect.poll(() => listener(), { timeout: 10_000 }).not.toBe(before);
    await listening();
    const ids = await emit('webhook');
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual(ids);
  });

  it('come back after Postgres was away', async () => {
    const { hostname, port, href } = new URL(database.url);
    const relay = await startRelay({ host: hostname, port: Number(port) });
    const url = new URL(href);
    url.port = String(relay.port);
    const db = openDatabase({ url: url.href, maxConnections: 3 });
    const seen: string[] = [];
    const handlers = { webhook: async (event: OutboxEvent) => void seen.push(event.eventId) };
    const outbox = start({ pollMs: 3_600_000, handlers }, { ...app.ctx, db });
    const before = await listening();
    await relay.down();
    const ids = await emit('webhook');
    await new Promise((done) => setTimeout(done, 1_500));
    expect(seen).toEqual([]);
    await relay.up();
    await expect.poll(() => seen, { timeout: 30_000 }).toEqual(ids);
    expect(await listening()).not.toBe(before);
    ids.push(...(await emit('webhook')));
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual(ids);
    await outbox.stop();
    await db.close();
    await relay.down();
  });

  it('only poll where connections are few', async () => {
    const config = { ...app.ctx.config, DATABASE_MAX_CONNECTIONS: 2 };
    start({ handlers: { webhook: effect } }, { ...app.ctx, config });
    await emit('webhook');
    await settled('webhook');
    expect(await effects()).toHaveLength(1);
    expect(await listener()).toBeUndefined();
  });

  it('leave topics alone that they were not given, and pass over those that nobody consumes', async () => {
    await emit('ci_run', 2);
    await emit('analytics', 30);
    await emit('webhook', 3);
    start({ handlers: { webhook: async () => undefined }, unconsumed: ['analytics'] });
    await settled('analytics');
    await settled('webhook');
    expect(new Set(await statuses('analytics'))).toEqual(new Set(['processed']));
    expect(await rows('ci_run')).toMatchObject([
      { status: 'pending', attempts: 0 },
      { status: 'pending', attempts: 0 },
    ]);
  });

  it('stop after the row at hand and give the rest back untouched', async () => {
    await emit('webhook', 10);
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const handler = vi.fn(async (event: OutboxEvent) => {
      await held;
      return effect(event);
    });
    const outbox = start({ handlers: { webhook: handler } });
    await expect.poll(() => handler.mock.calls.length).toBe(1);
    const stopped = outbox.stop();
    finish();
    await stopped;
    const left = (await rows('webhook')).filter(({ status }) => status === 'pending');
    expect(left).toHaveLength(9);
    for (const row of left) expect(row).toMatchObject({ attempts: 0, locked_by: null, locked_at: null });
    expect(await effects()).toHaveLength(1);
    start({ handlers: { webhook: effect } });
    await settled('webhook');
    await expect.poll(async () => (await effects()).length).toBe(10);
  });

  it('do nothing for a row that another worker has taken over meanwhile', async () => {
    await emit('webhook');
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slow = start({
      handlers: {
        webhook: async (event) => {
          await held;
          return effect(event);
        },
      },
    });
    await expect.poll(() => statuses('webhook')).toEqual(['processing']);
    await database.db.sql`UPDATE event_outbox SET locked_at = now() - interval '301 seconds'`;
    start({ handlers: { webhook: effect } });
    await expect.poll(() => statuses('webhook'), { timeout: 5_000 }).toEqual(['processed']);
    finish();
    await slow.stop();
    expect(await effects()).toHaveLength(1);
    expect(await rows('webhook')).toMatchObject([{ status: 'processed', attempts: 2 }]);
    const handled = await app.ctx.metrics.outboxHandled.get();
    expect(handled.values.map(({ labels, value }) => [labels.outcome, value])).toEqual(
      expect.arrayContaining([
        ['processed', 1],
        ['lost', 1],
      ]),
    );
  });
});

describe('a failing handler', () => {
  it('is tried five times, then the row is a dead letter with the reason', async () => {
    await emit('webhook', 1);
    const attempts: number[] = [];
    start({
      handlers: {
        webhook: async (event) => {
          attempts.push(event.attempts);
          const work = await effect(event);
          return async (tx) => {
            await work(tx);
            throw new Error(`no luck\0 ${event.attempts}`);
          };
        },
      },
    });
    for (let attempt = 1; attempt <= 5; attempt++) {
      const failed = () => rows('webhook').then(([row]) => row?.last_error);
      await expect.poll(failed, { interval: 10 }).toBe(`no luck ${attempt}`);
      await database.db.sql`UPDATE event_outbox SET available_at = now()`;
    }
    await new Promise((done) => setTimeout(done, 100));
    expect(attempts).toEqual([1, 2, 3, 4, 5]);
    expect(await rows('webhook')).toMatchObject([{ status: 'dead_letter', attempts: 5, locked_by: null }]);
    expect(await effects()).toEqual([]);
    const lines = app.logs.filter(({ topic }) => topic === 'webhook');
    expect(lines.map(({ level }) => level)).toEqual([40, 40, 40, 40, 50]);
  });

  it('does not hold up the rows behind it, nor other topics', async () => {
    await emit('webhook', 15);
    await emit('analytics', 1);
    start({
      handlers: {
        webhook: async (event) => {
          if (event.data.n === 0) throw new Error('no');
        },
        analytics: async () => undefined,
      },
    });
    await expect.poll(() => statuses('analytics')).toEqual(['processed']);
    await expect
      .poll(async () => (await rows('webhook')).filter(({ status }) => status === 'processed').length)
      .toBe(14);
    expect((await rows('webhook')).find(({ status }) => status === 'pending')).toMatchObject({ attempts: 1 });
  });
});

/** Process id of the connection that listens on this database. */
async function listener(): Promise<number | undefined> {
  const [row] = await database.db.sql<{ pid: number }[]>`
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen %'`;
  return row?.pid;
}

async function listening(): Promise<number> {
  await expect.poll(listener, { timeout: 10_000 }).toBeDefined();
  return (await listener())!;
}
