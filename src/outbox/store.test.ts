import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../../test/support/http.js';
import { appendAudit } from '../audit/index.js';
import type { WantedEvents } from './event.js';
import { measureOutbox, removeProcessedEvents, retryDeadLetter } from './index.js';
import { claimEvents, failEvent, releaseAbandoned, returnEvents, settleEvent } from './store.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());
beforeEach(() => app.ctx.db.sql`DELETE FROM event_outbox`);

const event = { agentId: 'a', action: 'push', resourceType: 'repository', resourceId: 'r', data: {}, signature: 's' };
const emit = () => app.ctx.db.transaction((tx) => appendAudit(tx, { ...event, topics: ['webhook'] }));
const claim = async (worker = 'w') => (await claimEvents(app.ctx.db, 'webhook', worker)).events;
const row = async () => (await app.ctx.db.sql`SELECT * FROM event_outbox`)[0];

it('waits 10, 20, 40 and 80 seconds after the first four failures and gives up at the fifth', async () => {
  await emit();
  const pauses: unknown[] = [];
  for (let attempt = 1; attempt <= 5; attempt++) {
    const [claimed] = await claim();
    expect(claimed?.attempts).toBe(attempt);
    // Within one transaction now() stands still, so the pause can be read exactly.
    await app.ctx.db.transaction(async (tx) => {
      const next = await failEvent(tx, claimed!, 'x'.repeat(5000));
      const [{ pause }] = await tx.sql<[{ pause: number }]>`
        SELECT extract(epoch FROM available_at - now())::float8 AS pause FROM event_outbox`;
      pauses.push(next === 'pending' ? pause : next);
    });
    expect(await claim(), 'not before its time').toEqual([]);
    await app.ctx.db.sql`UPDATE event_outbox SET available_at = now()`;
  }
  expect(pauses).toEqual([10, 20, 40, 80, 'dead_letter']);
  expect(await claim()).toEqual([]);
  expect((await row())?.last_error).toHaveLength(1000);
});

it('never waits longer than an hour', async () => {
  await emit();
  await app.ctx.db.sql`UPDATE event_outbox SET attempts = 20`;
  const [claimed] = await claim();
  await app.ctx.db.transaction(async (tx) => {
    await failEvent(tx, claimed!, 'x');
    const [{ pause }] = await tx.sql<[{ pause: number }]>`
      SELECT extract(epoch FROM available_at - now())::float8 AS pause FROM event_outbox`;
    expect(pause).toBe(3600);
  });
});

it('claims ten at a time, the oldest first, and each for one worker', async () => {
  for (let n = 0; n < 12; n++) await emit();
  const [first, second] = [await claim('one'), await claim('two')];
  expect([first.length, second.length]).toEqual([10, 2]);
  const ids = [...first, ...second].map(({ outboxId }) => outboxId);
  const ordered = await app.ctx.db.sql<
    { id: string }[]
  >`SELECT outbox_id AS id FROM event_outbox ORDER BY available_at`;
  expect(ids).toEqual(ordered.map(({ id }) => id));
  expect(await claim('three')).toEqual([]);
});

it('passes over what nobody wants, and counts it', async () => {
  for (let n = 0; n < 3; n++) await emit();
  await app.ctx.db.transaction((tx) => appendAudit(tx, { ...event, resourceId: 'wanted', topics: ['webhook'] }));
  const wanted: WantedEvents = ({ sql }) => sql`a.resource_id = 'wanted'`;
  const { events, passed } = await claimEvents(app.ctx.db, 'webhook', 'w', wanted);
  expect([passed, events.map(({ resourceId }) => resourceId)]).toEqual([3, ['wanted']]);
  expect(Object.keys(events[0]!)).not.toContain('wanted');
  const rows = await app.ctx.db.sql`
    SELECT status, attempts, locked_by, processed_at IS NOT NULL AS done FROM event_outbox ORDER BY status`;
  expect(rows.map((each) => ({ ...each }))).toEqual([
    { status: 'processing', attempts: 1, locked_by: 'w', done: false },
    ...Array.from({ length: 3 }, () => ({ status: 'processed', attempts: 1, locked_by: null, done: true })),
  ]);
});

it('takes rows back from workers that did not finish, and from nobody else', async () => {
  await emit();
  await claim();
  const age = (seconds: number) => app.ctx.db.sql`
    UPDATE event_outbox SET locked_at = now() - make_interval(secs => ${seconds})`;
  await age(299);
  expect(await releaseAbandoned(app.ctx.db, ['webhook'])).toBe(0);
  await age(301);
  expect(await releaseAbandoned(app.ctx.db, ['ci_run'])).toBe(0);
  expect(await releaseAbandoned(app.ctx.db, ['webhook'])).toBe(1);
  expect(await claim('other')).toMatchObject([{ attempts: 2, worker: 'other' }]);
  await app.ctx.db.sql`UPDATE event_outbox SET attempts = 5`;
  await age(301);
  expect(await releaseAbandoned(app.ctx.db, ['webhook'])).toBe(1);
  expect(await row()).toMatchObject({ status: 'dead_letter', last_error: 'its worker other did not finish' });
});

it('lets nobody settle, fail or return a row that is no longer theirs', async () => {
  await emit();
  const [old] = await claim('same');
  await returnEvents(app.ctx.db, [old!]);
  expect(await row()).toMatchObject({ status: 'pending', attempts: 0 });
  await app.ctx.db.sql`UPDATE event_outbox SET attempts = 1`;
  const [now] = await claim('same');
  expect(await failEvent(app.ctx.db, old!, 'late')).toBeUndefined();
  expect(await app.ctx.db.transaction((tx) => settleEvent(tx, old!))).toBe(false);
  await returnEvents(app.ctx.db, [old!]);
  expect(await row()).toMatchObject({ status: 'processing', attempts: 2, last_error: null });
  expect(await app.ctx.db.transaction((tx) => settleEvent(tx, now!))).toBe(true);
  expect(await app.ctx.db.transaction((tx) => settleEvent(tx, now!))).toBe(false);
});

it('puts a dead letter back as good as new', async () => {
  await emit();
  const { outbox_id: id } = (await row()) as { outbox_id: string };
  expect(await retryDeadLetter(app.ctx.db, id)).toBe(false);
  await app.ctx.db.sql`UPDATE event_outbox SET status = 'dead_letter', attempts = 5, last_error = 'x'`;
  expect(await retryDeadLetter(app.ctx.db, randomUUID())).toBe(false);
  expect(await retryDeadLetter(app.ctx.db, id)).toBe(true);
  expect(await row()).toMatchObject({ status: 'pending', attempts: 0, last_error: null });
  expect(await claim()).toMatchObject([{ attempts: 1 }]);
});

it('removes what was processed long ago and keeps the rest', async () => {
  for (let n = 0; n < 6; n++) await emit();
  const set = (status: string, days: number, offset: number) => app.ctx.db.sql`
    UPDATE event_outbox SET status = ${status}::outbox_status, available_at = now() - make_interval(days => ${days}),
      processed_at = CASE WHEN ${status} = 'processed' THEN now() - make_interval(days => ${days}) END
    WHERE outbox_id = (SELECT outbox_id FROM event_outbox ORDER BY outbox_id OFFSET ${offset} LIMIT 1)`;
  await set('processed', 8, 0);
  await set('processed', 8, 1);
  await set('processed', 6, 2);
  await set('dead_letter', 30, 3);
  await set('pending', 30, 4);
  expect(await removeProcessedEvents(app.ctx, new AbortController().signal)).toBe(2);
  expect(await app.ctx.db.sql`SELECT 1 FROM event_outbox`).toHaveLength(4);
});

it('shows what waits, per topic and status', async () => {
  for (let n = 0; n < 3; n++) await emit();
  await app.ctx.db.transaction((tx) => appendAudit(tx, { ...event, topics: ['ci_run'] }));
  await app.ctx.db.sql`UPDATE event_outbox SET status = 'dead_letter'
    WHERE outbox_id = (SELECT outbox_id FROM event_outbox WHERE topic = 'webhook' LIMIT 1)`;
  expect(await measureOutbox(app.ctx)).toBe(4);
  const lines = async () => (await app.ctx.metrics.registry.metrics()).match(/^outbox_events\{.*$/gm);
  expect((await lines())?.sort()).toEqual([
    'outbox_events{topic="ci_run",status="pending"} 1',
    'outbox_events{topic="webhook",status="dead_letter"} 1',
    'outbox_events{topic="webhook",status="pending"} 2',
  ]);
  await app.ctx.db.sql`DELETE FROM event_outbox WHERE topic = 'webhook'`;
  await measureOutbox(app.ctx);
  expect(await lines()).toEqual(['outbox_events{topic="ci_run",status="pending"} 1']);
});
