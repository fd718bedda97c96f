import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../../test/support/http.js';
import { appendAudit } from '../audit/index.js';
import { removeOldDeadLetters } from '../outbox/index.js';
import { removeExpiredResults } from './index.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const event = { agentId: 'a', action: 'push', resourceType: 'repository', resourceId: 'r', data: {}, signature: 's' };

/** One row per age in days, all of one status; the id of the event tells the age. */
async function letters(status: string, ages: number[]) {
  for (const age of ages) {
    await app.ctx.db.transaction((tx) => appendAudit(tx, { ...event, topics: ['webhook'] }));
    await app.ctx.db.sql`
      UPDATE event_outbox SET status = ${status}::outbox_status, created_at = now() - make_interval(days => ${age}),
        last_error = ${String(age)} WHERE last_error IS NULL`;
  }
}
const left = async () =>
  (await app.ctx.db.sql`SELECT last_error FROM event_outbox ORDER BY created_at DESC`).map((row) => row.last_error);
const result = (hash: string, hoursOld: number, expiresInHours: number) => app.ctx.db.sql`
  INSERT INTO idempotency_results (nonce_hash, agent_id, action, status_code, response_json, created_at, expires_at)
  VALUES (${hash}, 'a', 'star', 200, '{}', now() - make_interval(hours => ${hoursOld}),
    now() + make_interval(hours => ${expiresInHours}))`;
const results = async () =>
  (await app.ctx.db.sql`SELECT nonce_hash FROM idempotency_results ORDER BY nonce_hash`).map((row) => row.nonce_hash);

beforeEach(async () => {
  await app.ctx.db.sql`DELETE FROM event_outbox`;
  await app.ctx.db.sql`DELETE FROM idempotency_results`;
});

describe('what nobody needs any more goes by itself', () => {
  it('dead letters after thirty days, and no others', async () => {
    await letters('dead_letter', [1, 29, 31, 90]);
    await letters('pending', [40]);
    expect(await removeOldDeadLetters(app.ctx, new AbortController().signal)).toBe(2);
    expect(await left()).toEqual(['1', '29', '40']);
    expect(app.logs.at(-1)).toMatchObject({ level: 40, removed: 2 });
    expect(await removeOldDeadLetters(app.ctx, AbortSignal.abort())).toBe(0);
  });

  it('stored results after their time', async () => {
    await result('a', 30, -1);
    await result('b', 30, 1);
    expect(await removeExpiredResults(app.ctx)).toBe(1);
    expect(await results()).toEqual(['b']);
  });
});

describe('the statements that operators type work', () => {
  it('for dead letters and stored results', async () => {
    const { sql } = app.ctx.db;
    await letters('dead_letter', [6, 8]);
    await letters('processed', [9]);
    await sql`DELETE FROM event_outbox WHERE status = 'dead_letter' AND created_at < NOW() - INTERVAL '7 days'`;
    expect(await left()).toEqual(['6', '9']);
    await result('a', 25, 1);
    await result('b', 23, 1);
    await sql`DELETE FROM idempotency_results WHERE created_at < NOW() - INTERVAL '24 hours'`;
    expect(await results()).toEqual(['b']);
    await sql`UPDATE event_outbox SET status = 'pending', attempts = 0, available_at = NOW() WHERE status = 'dead_letter'`;
    expect(await sql`SELECT 1 FROM event_outbox WHERE status = 'pending'`).toHaveLength(1);
  });

  it('for star counts, and keep the audit log as it is', async () => {
    const { sql } = app.ctx.db;
    await sql`UPDATE repo_star_counts c SET stars = (SELECT COUNT(*) FROM repo_stars s WHERE s.repo_id = c.repo_id)`;
    await app.ctx.db.transaction((tx) => appendAudit(tx, event));
    for (const statement of [
      sql`DELETE FROM audit_log`,
      sql`UPDATE audit_log SET action = 'x'`,
      sql`TRUNCATE audit_log CASCADE`,
    ])
      await expect(statement).rejects.toThrow(/audit/i);
  });
});
