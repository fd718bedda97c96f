import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newAgent, send, startTestApp, type TestApp } from '../../test/support/http.js';
import { appendAudit } from '../audit/index.js';
import { agents, auditLog, reputation } from '../db/index.js';
import { type Outbox, startOutbox, type TopicHandler } from '../outbox/index.js';
import { reputationHandler } from './index.js';

let app: TestApp;
let running: Outbox[];
beforeEach(async () => {
  app = await startTestApp();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((outbox) => outbox.stop()));
  await app.close();
});

const register = async () => (await newAgent(app)).agentId;

/** Commits an event about a pull request. */
async function emit(action: string, data: Record<string, unknown>, resource = ['pull_request', randomUUID()]) {
  const [resourceType, resourceId] = resource as [string, string];
  const event = { agentId: 'merger', action, resourceType, resourceId, data, signature: 's' };
  const { eventId } = await app.ctx.db.transaction((tx) => appendAudit(tx, { ...event, topics: ['reputation'] }));
  return { eventId, prId: resourceId };
}

const merge = (author: string, reviewers: string[] = [], more = {}) =>
  emit('pr_merge', { author_id: author, approving_reviewers: reviewers, ...more });

function start(handler: TopicHandler = reputationHandler(app.ctx)): Outbox {
  const outbox = startOutbox(app.ctx, { pollMs: 20, handlers: { reputation: handler } });
  running.push(outbox);
  return outbox;
}

const unsettled = async () => (await app.ctx.db.sql`SELECT 1 FROM event_outbox WHERE status <> 'processed'`).length;
const idle = () => expect.poll(unsettled, { timeout: 10_000, interval: 20 }).toBe(0);

async function score(agentId: string): Promise<number> {
  return (await send(app.url, `/v1/agents/${agentId}/reputation`)).json.data.score;
}

const updates = (agentId: string) =>
  app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, agentId)).orderBy(auditLog.seq);

describe('scores', () => {
  it('rise for author and approving reviewers of a merge, with an audit event each', async () => {
    const [author, one, two] = [await register(), await register(), await register()];
    const { eventId, prId } = await merge(author, [one, two, one, author]);
    start();
    await idle();
    expect([await score(author), await score(one), await score(two)]).toEqual([0.52, 0.51, 0.51]);
    const expected = (reason: string, delta: number) => ({
      old_score: 0.5,
      new_score: 0.5 + delta,
      delta,
      reason,
      related_resource_id: prId,
      source_event_id: eventId,
    });
    for (const [agentId, reason, delta] of [
      [author, 'merge_success', 0.02],
      [one, 'accurate_review', 0.01],
      [two, 'accurate_review', 0.01],
    ] as const) {
      const events = (await updates(agentId)).filter(({ action }) => action === 'reputation_update');
      expect(events).toMatchObject([{ agentId: 'system', signature: 'system', resourceType: 'reputation' }]);
      expect(events[0]?.data).toEqual(expected(reason, delta));
    }
  });

  it('fall for a reverted merge and for a policy violation', async () => {
    const [author, reviewer, bad, worse] = [await register(), await register(), await register(), await register()];
    await emit('pr_reverted', { author_id: author, approving_reviewers: [reviewer] });
    await emit('policy_violation', { agent_id: bad });
    await emit('policy_violation', {}, ['agent', worse]);
    start();
    await idle();
    expect([await score(author), await score(reviewer)]).toEqual([0.45, 0.47]);
    expect([await score(bad), await score(worse)]).toEqual([0.4, 0.4]);
  });

  it('stay within 0 and 1 and keep three decimals', async () => {
    const [high, low] = [await register(), await register()];
    const set = (agentId: string, value: string) =>
      app.ctx.db.orm.update(reputation).set({ score: value }).where(eq(reputation.agentId, agentId));
    await set(high, '0.995');
    await set(low, '0.034');
    await merge(high);
    await merge(high);
    await emit('policy_violation', { agent_id: low });
    start();
    await idle();
    expect([await score(high), await score(low)]).toEqual([1, 0]);
    const [first, second] = (await updates(high)).filter(({ action }) => action === 'reputation_update');
    expect(first?.data).toMatchObject({ old_score: 0.995, new_score: 1, delta: 0.02 });
    expect(second?.data).toMatchObject({ old_score: 1, new_score: 1, delta: 0.02 });
    const stored = await app.ctx.db.sql<
      { score: string }[]
    >`SELECT score::text FROM reputation WHERE agent_id = ${low}`;
    expect(stored[0]?.score).toBe('0.000');
  });

  it('start at 0.5 for agents without one, and are none for agents that do not exist', async () => {
    const author = randomUUID();
    await app.ctx.db.orm.insert(agents).values({ agentId: author, agentName: author, publicKey: 'k' });
    await merge(author, ['gone']);
    start();
    await idle();
    expect(await score(author)).toBe(0.52);
    expect(await updates('gone')).toEqual([]);
  });

  it('are left alone by other actions, and by merges that do not say whose they are', async () => {
    const author = await register();
    await emit('pr_close', { author_id: author });
    await emit('pr_merge', { approving_reviewers: [author] });
    await emit('policy_violation', {});
    start();
    const failed = () => app.ctx.db.sql`SELECT 1 FROM event_outbox WHERE last_error IS NOT NULL`.then((r) => r.length);
    await expect.poll(failed).toBe(2);
    expect(await score(author)).toBe(0.5);
  });
});

describe('one event', () => {
  it('counts once when the worker dies between the scores and the end of its transaction', async () => {
    const [author, reviewer] = [await register(), await register()];
    await merge(author, [reviewer]);
    const real = reputationHandler(app.ctx);
    let deaths = 0;
    start(async (event, stop) => {
      const work = await real(event, stop);
      return async (tx) => {
        await work?.(tx);
        if (deaths++ > 0) return;
        const [{ changed }] = await tx.sql<[{ changed: number }]>`
          SELECT count(*) AS changed FROM reputation WHERE score <> 0.5`;
        expect(changed).toBe(2);
        await tx.sql`SELECT pg_terminate_backend(pg_backend_pid())`;
      };
    });
    await expect.poll(() => deaths).toBe(1);
    expect([await score(author), await score(reviewer)]).toEqual([0.5, 0.5]);
    await expect
      .poll(() => app.ctx.db.sql`SELECT attempts, status FROM event_outbox`.then(([row]) => row))
      .toEqual({ attempts: 1, status: 'pending' });
    await app.ctx.db.sql`UPDATE event_outbox SET available_at = now()`;
    await idle();
    expect(deaths).toBe(2);
    expect([await score(author), await score(reviewer)]).toEqual([0.52, 0.51]);
    expect((await updates(author)).filter(({ action }) => action === 'reputation_update')).toHaveLength(1);
  });

  it('counts once when its row is put back, or there are two rows for it', async () => {
    const [author, reviewer] = [await register(), await register()];
    const { eventId } = await merge(author, [reviewer]);
    start();
    await idle();
    await app.ctx.db.sql`UPDATE event_outbox SET status = 'pending', attempts = 0`;
    await app.ctx.db.sql`INSERT INTO event_outbox (audit_event_id, topic) VALUES (${eventId}::uuid, 'reputation')`;
    start();
    await idle();
    expect([await score(author), await score(reviewer)]).toEqual([0.52, 0.51]);
    expect((await updates(author)).filter(({ action }) => action === 'reputation_update')).toHaveLength(1);
  });

  it('counts once among many, applied by several workers to the same agents', async () => {
    const all = [await register(), await register(), await register(), await register()];
    for (let n = 0; n < 60; n++) {
      const author = all[n % 4]!;
      await merge(
        author,
        all.filter((agentId) => agentId !== author),
      );
    }
    await app.ctx.db.sql`UPDATE reputation SET score = 0`;
    for (let n = 0; n < 4; n++) start();
    await idle();
    // Each wrote 15 of the merges and reviewed the other 45.
    for (const agentId of all) expect(await score(agentId)).toBe(0.75);
    const [{ failed }] = await app.ctx.db.sql<[{ failed: number }]>`
      SELECT count(*) AS failed FROM event_outbox WHERE attempts <> 1`;
    expect(failed).toBe(0);
  });
});
