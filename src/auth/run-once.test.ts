import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { authContext, createAgent, rawRequest, signNested, type TestAgent } from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type ActionRule, authenticate, runOnce } from './index.js';

let database: TestDatabase;
let ctx: AppContext;
let agent: TestAgent;
/** Effects are rows, so that a rolled back one leaves no trace. */
let effects: () => Promise<number>;

beforeAll(async () => {
  database = await createTestDatabase();
  ctx = authContext(database.db);
  await database.db.sql`CREATE TABLE effects (id serial)`;
  effects = async () => {
    const [row] = await database.db.sql<[{ n: number }]>`SELECT count(*)::int AS n FROM effects`;
    return row.n;
  };
});
beforeEach(async () => {
  agent = await createAgent(database.db);
  await database.db.sql`TRUNCATE effects`;
});
afterAll(() => database.drop());

const rule: ActionRule = { actions: ['star', 'unstar'], mutates: true, ids: {}, flatBody: () => ({}) };
type Nested = ReturnType<typeof signNested>;

async function run(json: Nested, options: { path?: string; method?: string; pauseMs?: number; fail?: boolean } = {}) {
  const call = await authenticate(ctx, rawRequest(options.method ?? 'POST', options.path ?? '/v1/a', { json }), rule);
  return runOnce(ctx, call, async (tx) => {
    await tx.sql`INSERT INTO effects DEFAULT VALUES`;
    await tx.sql`SELECT pg_sleep(${(options.pauseMs ?? 0) / 1000})`;
    if (options.fail) throw new AppError('DUPLICATE_STAR');
    return { status: 201, data: { id: randomUUID(), list: [1, null, 'ü'], text: '12' } };
  });
}

/** Moves the signing time into the past, as if the request had been made long ago. */
function lateRetry(nonce: string): Nested {
  return signNested(agent, { action: 'star', nonce, offsetSecs: -7200 });
}

describe('runOnce', () => {
  it('answers a repeat with status and data of the first time and does nothing', async () => {
    const json = signNested(agent, { action: 'star' });
    const first = await run(json);
    expect(first).toMatchObject({ status: 201, replayed: false, data: { text: '12' } });
    expect(await run(json)).toEqual({ ...first, replayed: true });
    expect(await effects()).toBe(1);
  });

  it('answers a repeat two hours later, although the signature has expired', async () => {
    const nonce = randomUUID();
    const first = await run(signNested(agent, { action: 'star', nonce }));
    expect(await run(lateRetry(nonce))).toEqual({ ...first, replayed: true });
    await expect(run(lateRetry(randomUUID()))).rejects.toMatchObject({ code: 'SIGNATURE_EXPIRED' });
  });

  it.each([
    ['another action', { action: 'unstar' }, {}, { previousAction: 'star', attemptedAction: 'unstar' }],
    ['another body', { action: 'star', body: { reason: 'x' } }, {}, undefined],
    ['another path', { action: 'star' }, { path: '/v1/b' }, undefined],
    ['another method', { action: 'star' }, { method: 'DELETE' }, undefined],
  ])('refuses the nonce for %s', async (_name, signed, sent, details) => {
    const nonce = randomUUID();
    await run(signNested(agent, { action: 'star', nonce }));
    const repeat = run(signNested(agent, { ...signed, nonce }), sent);
    await expect(repeat).rejects.toMatchObject({ code: 'REPLAY_ATTACK', status: 401, details });
    expect(await effects()).toBe(1);
  });

  it('does not give a stored answer to someone who cannot sign', async () => {
    const json = signNested(agent, { action: 'star' });
    await run(json);
    const forged = { ...json, signature: Buffer.alloc(64).toString('base64') };
    await expect(run(forged)).rejects.toMatchObject({ code: 'INVALID_SIGNATURE' });
  });

  it('scopes nonces to agents', async () => {
    const nonce = randomUUID();
    const other = await createAgent(database.db);
    await run(signNested(agent, { action: 'star', nonce }));
    expect((await run(signNested(other, { action: 'star', nonce }))).replayed).toBe(false);
  });

  it('leaves the nonce free when the work fails', async () => {
    const json = signNested(agent, { action: 'star' });
    await expect(run(json, { fail: true })).rejects.toMatchObject({ code: 'DUPLICATE_STAR' });
    expect(await effects()).toBe(0);
    expect((await run(json)).replayed).toBe(false);
    expect(await effects()).toBe(1);
  });

  it('frees the nonce after IDEMPOTENCY_TTL_HOURS', async () => {
    const json = signNested(agent, { action: 'star' });
    await run(json);
    const [row] = await database.db.sql<[{ hours: number }]>`
      SELECT (extract(epoch FROM expires_at - created_at) / 3600)::float8 AS hours
      FROM idempotency_results WHERE nonce_hash = ${json.nonceHash}`;
    expect(row.hours).toBe(24);
    await database.db.sql`UPDATE idempotency_results SET expires_at = now() WHERE nonce_hash = ${json.nonceHash}`;
    expect((await run(json)).replayed).toBe(false);
    expect((await run(json)).replayed).toBe(true);
    expect(await effects()).toBe(2);
  });

  it('has one effect for 50 parallel duplicates', async () => {
    const json = signNested(agent, { action: 'star' });
    const results = await Promise.all(Array.from({ length: 50 }, () => run(json, { pauseMs: 200 })));
    expect(await effects()).toBe(1);
    expect(results.filter((result) => !result.replayed)).toHaveLength(1);
    expect(new Set(results.map((result) => JSON.stringify(Object.entries(result.data).sort()))).size).toBe(1);
    expect(new Set(results.map((result) => result.status))).toEqual(new Set([201]));
  });

  it('lets one of several different parallel requests win the nonce', async () => {
    const nonce = randomUUID();
    const attempts = Array.from({ length: 8 }, (_, reason) =>
      run(signNested(agent, { action: 'star', nonce, body: { reason } }), { pauseMs: 100 }),
    );
    const results = await Promise.allSettled(attempts);
    const refused = results.filter((result) => result.status === 'rejected').map((result) => result.reason as AppError);
    expect(refused.map((error) => error.code)).toEqual(Array(7).fill('REPLAY_ATTACK'));
    expect(await effects()).toBe(1);
  });

  it('hands the nonce on when the first of two parallel duplicates fails', async () => {
    const json = signNested(agent, { action: 'star' });
    const failing = run(json, { pauseMs: 300, fail: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [first, second] = await Promise.allSettled([failing, run(json)]);
    expect(first.status).toBe('rejected');
    expect(second).toMatchObject({ status: 'fulfilled', value: { replayed: false } });
    expect(await effects()).toBe(1);
  });

  it.each(['suspended', 'revoked'])('refuses when agent or key was %s after the check', async (change) => {
    const json = signNested(agent, { action: 'star' });
    const call = await authenticate(ctx, rawRequest('POST', '/v1/a', { json }), rule);
    if (change === 'suspended')
      await database.db.sql`UPDATE agents SET suspended = true WHERE agent_id = ${agent.agentId}`;
    else await database.db.sql`UPDATE agent_keys SET revoked_at = now() WHERE key_id = ${agent.keyId}`;
    const attempt = runOnce(ctx, call, async (tx) => {
      await tx.sql`INSERT INTO effects DEFAULT VALUES`;
      return { status: 201, data: null };
    });
    await expect(attempt).rejects.toMatchObject({
      code: change === 'suspended' ? 'SUSPENDED_AGENT' : 'INVALID_SIGNATURE',
    });
    expect(await effects()).toBe(0);
    const [row] = await database.db.sql`SELECT FROM idempotency_results WHERE nonce_hash = ${json.nonceHash}`;
    expect(row).toBeUndefined();
  });

  it('keeps null as an answer', async () => {
    const json = signNested(agent, { action: 'star' });
    const once = async () => {
      const call = await authenticate(ctx, rawRequest('POST', '/v1/a', { json }), rule);
      return runOnce(ctx, call, async () => ({ status: 200, data: null }));
    };
    expect(await once()).toEqual({ status: 200, data: null, replayed: false });
    expect(await once()).toEqual({ status: 200, data: null, replayed: true });
  });

  it('reads do not use up the nonce', async () => {
    const reading: ActionRule = { ...rule, mutates: false };
    const json = signNested(agent, { action: 'star' });
    await run(json);
    const call = await authenticate(ctx, rawRequest('GET', '/v1/elsewhere', { json }), reading);
    expect(call.replay).toBeUndefined();
  });
});
