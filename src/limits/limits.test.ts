import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  newAgent,
  newRepository,
  send,
  sign,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { readConfig } from '../config.js';
import { removeExpiredLimits } from '../jobs/index.js';
import { addressKey, chargeCall } from './index.js';

let database: TestDatabase;
let apps: TestApp[];
let agent: TestAgent;

beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 20 });
  const env = { RATE_LIMIT_ACCESS_GRANT: '100', RATE_LIMIT_REPO_CREATE: '3', RATE_LIMIT_KEY_ADD: '0' };
  apps = [await startTestApp({ db: database.db }, env), await startTestApp({ db: database.db }, env)];
});

afterAll(async () => {
  for (const app of apps) await app.close();
  await database.drop();
});

const app = (i = 0) => apps[i % 2]!;
const create = (by: TestAgent, i = 0, name = `r-${randomUUID()}`) =>
  signedRequest(app(i), by, 'POST', '/v1/repos', { action: 'repo_create', body: { name, visibility: 'public' } });
const limitHeaders = ({ headers }: Answer) =>
  ['limit', 'remaining', 'reset'].map((name) => headers[`x-ratelimit-${name}`]);

describe('a limited action', () => {
  beforeAll(async () => {
    agent = await newAgent(app());
  });

  test('tells what is left, refuses the one too many on every node, and does not count the refusal', async () => {
    const before = Math.floor(Date.now() / 60_000) * 60;
    const answers: Answer[] = [];
    for (let i = 0; i < 5; i++) answers.push(await create(agent, i));
    const after = Math.floor(Date.now() / 60_000) * 60;
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 429, 429]);
    expect(answers.map((answer) => answer.headers['x-ratelimit-remaining'])).toEqual(['2', '1', '0', '0', '0']);
    for (const answer of answers) {
      expect(answer.headers['x-ratelimit-limit']).toBe('3');
      const reset = Number(answer.headers['x-ratelimit-reset']);
      expect([before + 3600, after + 3600]).toContain(reset);
    }
    const [refused] = answers.slice(3);
    const retryAfter = Number(refused?.headers['retry-after']);
    expect(refused?.headers['retry-after']).toMatch(/^\d+$/);
    expect(retryAfter).toBeGreaterThan(3540 - 5);
    expect(retryAfter).toBeLessThanOrEqual(3600);
    expect(refused?.json.error).toMatchObject({
      code: 'RATE_LIMITED',
      details: { action: 'repo_create', limit: 3, window: '1h', retryAfter },
    });
    const [{ used }] = await database.db.sql<[{ used: number }]>`
      SELECT sum(used)::int AS used FROM rate_limit_buckets WHERE subject = ${agent.agentId}`;
    expect(used).toBe(3);
  });

  test('is counted per agent', async () => {
    expect((await create(await newAgent(app()))).status).toBe(201);
  });

  test('slides: what was counted an hour ago is free again', async () => {
    const other = await newAgent(app());
    for (let i = 0; i < 3; i++) await create(other);
    expect((await create(other)).status).toBe(429);
    const move = (minutes: number) => database.db.sql`
      UPDATE rate_limit_buckets SET bucket = bucket - make_interval(mins => ${minutes}) WHERE subject = ${other.agentId}`;
    await move(58);
    const refused = await create(other);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(120);
    await move(2);
    const again = await create(other);
    expect([again.status, again.headers['x-ratelimit-remaining']]).toEqual([201, '2']);
  });

  test('counts a call that fails after it was accepted, and shows the headers on the error', async () => {
    const other = await newAgent(app());
    const taken = await create(other, 0, 'taken');
    const conflict = await create(other, 1, 'taken');
    const invalid = await create(other, 0, 'in valid');
    expect([taken.status, conflict.status, invalid.status]).toEqual([201, 409, 400]);
    expect(limitHeaders(conflict).slice(0, 2)).toEqual(['3', '1']);
    expect(limitHeaders(invalid).slice(0, 2)).toEqual(['3', '0']);
    expect((await create(other)).status).toBe(429);
  });

  test('does not count what is refused before: wrong signature, expired, wrong form, suspended', async () => {
    const other = await newAgent(app());
    await create(other, 0);
    await create(other, 1);
    const body = { name: 'x', visibility: 'public' };
    const wrong = sign({ ...agent, agentId: other.agentId }, { action: 'repo_create', body });
    const late = sign(other, { action: 'repo_create', body, timestamp: '2020-01-01T00:00:00Z' });
    const post = (sent: object) => send(app().url, '/v1/repos', { method: 'POST', ...sent });
    for (const [sent, code] of [
      [wrong, 'INVALID_SIGNATURE'],
      [late, 'SIGNATURE_EXPIRED'],
      [{ body: { agentId: other.agentId } }, 'INVALID_SIGNATURE'],
    ] as const) {
      const answer = await post(sent);
      expect(answer.json.error.code).toBe(code);
      expect(limitHeaders(answer)).toEqual([undefined, undefined, undefined]);
    }
    await database.db.sql`UPDATE agents SET suspended = true WHERE agent_id = ${other.agentId}`;
    expect((await create(other)).json.error.code).toBe('SUSPENDED_AGENT');
    await database.db.sql`UPDATE agents SET suspended = false WHERE agent_id = ${other.agentId}`;
    expect((await create(other)).headers['x-ratelimit-remaining']).toBe('0');
  });

  test('a repeat is free, one after the other and at once, and is not refused when nothing is left', async () => {
    const other = await newAgent(app());
    const sent = sign(other, { action: 'repo_create', body: { name: 'once', visibility: 'public' } });
    const post = (i: number) => send(app(i).url, '/v1/repos', { method: 'POST', ...sent });
    const together = await Promise.all(Array.from({ length: 3 }, (_, i) => post(i)));
    expect(together.map((answer) => answer.status)).toEqual([201, 201, 201]);
    await post(0);
    expect((await create(other, 1)).headers['x-ratelimit-remaining']).toBe('1');
    await create(other);
    expect((await create(other)).status).toBe(429);
    const repeat = await post(1);
    expect([repeat.status, repeat.headers['idempotency-replayed']]).toEqual([201, 'true']);
    expect(limitHeaders(repeat)).toEqual([undefined, undefined, undefined]);
  });

  test('a key that was revoked meanwhile counts nothing, though the node has seen it', async () => {
    const other = await newAgent(app());
    await create(other);
    await database.db.sql`UPDATE agent_keys SET revoked_at = now() WHERE agent_id = ${other.agentId}`;
    expect((await create(other)).json.error.code).toBe('INVALID_SIGNATURE');
    const [{ used }] = await database.db.sql<[{ used: number }]>`
      SELECT sum(used)::int AS used FROM rate_limit_buckets WHERE subject = ${other.agentId}`;
    expect(used).toBe(1);
  });
});

test('of 150 calls at once over two nodes exactly 100 succeed', async () => {
  const owner = await newAgent(app());
  const target = await newAgent(app());
  const { repoId } = await newRepository(app(), owner);
  const body = { repoId, targetAgentId: target.agentId, role: 'read' };
  const path = `/v1/repos/${repoId}/access`;
  const answers = await Promise.all(
    Array.from({ length: 150 }, (_, i) => signedRequest(app(i), owner, 'POST', path, { action: 'access_grant', body })),
  );
  const count = (status: number) => answers.filter((answer) => answer.status === status).length;
  expect(answers.filter(({ status }) => ![200, 429].includes(status)).map(({ text }) => text)).toEqual([]);
  expect([count(200), count(429)]).toEqual([100, 50]);
  const left = answers
    .filter(({ status }) => status === 200)
    .map((one) => Number(one.headers['x-ratelimit-remaining']));
  expect(left.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
}, 120_000);

test('reads and unlimited actions carry no headers', async () => {
  const other = await newAgent(app());
  const list = await signedRequest(app(), other, 'GET', '/v1/repos', { action: 'repo_list' });
  expect([list.status, ...limitHeaders(list)]).toEqual([200, undefined, undefined, undefined]);
  const key = { publicKey: (await newAgent(app())).publicKey };
  const path = `/v1/agents/${other.agentId}/keys`;
  const added = await signedRequest(app(), other, 'POST', path, {
    action: 'key_add',
    body: { agentId: other.agentId, ...key },
  });
  expect([added.status, ...limitHeaders(added)]).toEqual([201, undefined, undefined, undefined]);
});

describe('the size of the window', () => {
  const context = (env: Record<string, string>) => ({ config: readConfig(env), db: database.db });

  test('a window of seconds slides by the second', async () => {
    const ctx = context({ RATE_LIMIT_WINDOW_SECS: '2', RATE_LIMIT_STAR: '1' });
    const subject = randomUUID();
    const first = await chargeCall(ctx, subject, 'star');
    expect(first).toMatchObject({ remaining: 0, windowSecs: 2, bucketSecs: 1 });
    const refused = chargeCall(ctx, subject, 'star');
    await expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { window: '2s' } });
    await sleep(2_050);
    expect((await chargeCall(ctx, subject, 'star'))?.remaining).toBe(0);
  });

  test('many calls at once are all counted while one bucket follows the other', async () => {
    const limit = 1_000_000;
    const ctx = context({ RATE_LIMIT_WINDOW_SECS: '60', RATE_LIMIT_STAR: String(limit) });
    const subject = randomUUID();
    const end = Date.now() + 2_500;
    const left: (number | undefined)[] = [];
    const lane = async () => {
      while (Date.now() < end) left.push((await chargeCall(ctx, subject, 'star'))?.remaining);
    };
    await Promise.all(Array.from({ length: 40 }, lane));
    const rows = await database.db.sql<{ used: number }[]>`
      SELECT used FROM rate_limit_buckets WHERE subject = ${subject}`;
    expect(rows.length).toBeGreaterThan(2);
    expect(rows.reduce((sum, { used }) => sum + used, 0)).toBe(left.length);
    expect(Math.min(...left.map((each) => each ?? 0))).toBeGreaterThanOrEqual(limit - left.length);
  });

  test('synonyms share one count; other actions do not', async () => {
    const ctx = context({ RATE_LIMIT_PUSH: '2' });
    const subject = randomUUID();
    expect((await chargeCall(ctx, subject, 'git_push'))?.remaining).toBe(1);
    expect((await chargeCall(ctx, subject, 'git-receive-pack'))?.remaining).toBe(0);
    await expect(chargeCall(ctx, subject, 'push')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect((await chargeCall(ctx, subject, 'review_create'))?.action).toBe('pr_review');
  });

  test('limits can be switched off', async () => {
    const ctx = context({ RATE_LIMIT_ENABLED: 'false', RATE_LIMIT_PUSH: '1' });
    const subject = randomUUID();
    expect(await chargeCall(ctx, subject, 'push')).toBeUndefined();
    expect(await chargeCall(ctx, subject, 'push')).toBeUndefined();
  });

  test('the clean-up removes what no window reaches', async () => {
    const subject = randomUUID();
    await chargeCall(context({}), subject, 'push');
    await database.db.sql`
      INSERT INTO rate_limit_buckets (subject, action, bucket, used)
      VALUES (${subject}, 'push', now() - interval '2 hours', 7)`;
    const gone = await removeExpiredLimits({ ...app().ctx, config: readConfig({}) });
    expect(gone).toBeGreaterThanOrEqual(1);
    const rows = await database.db.sql`SELECT used FROM rate_limit_buckets WHERE subject = ${subject}`;
    expect(rows.map((row) => row.used)).toEqual([1]);
  });
});

test('registrations are counted by client address, once a limit is set', async () => {
  const open = await startTestApp(
    { db: database.db },
    { RATE_LIMIT_AGENT_REGISTER: '2', TRUSTED_PROXIES: '127.0.0.1' },
  );
  const register = async (from: string) => {
    const { publicKey } = agent;
    const body = { agentName: `a-${randomUUID()}`, publicKey };
    return send(open.url, '/v1/agents/register', { method: 'POST', body, headers: { 'x-forwarded-for': from } });
  };
  try {
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await register(`2001:db8::${i}`));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 429]);
    expect(answers[2]?.json.error.details).toMatchObject({ action: 'agent_register', limit: 2 });
    expect((await register('2001:db8:0:1::1')).status).toBe(201);
    expect((await register('203.0.113.9')).status).toBe(201);
  } finally {
    await open.close();
  }
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('the address %s counts as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test.each([
  [{ RATE_LIMIT_STARR: '1' }, 'RATE_LIMIT_STARR names no action that has a rate limit'],
  [{ RATE_LIMIT_GIT_PUSH: '1' }, 'RATE_LIMIT_GIT_PUSH names no action that has a rate limit'],
  [{ RATE_LIMIT_STAR: 'many' }, 'RATE_LIMIT_STAR must be a whole number from 0 to 1000000000'],
  [{ RATE_LIMIT_STAR: '-1' }, 'RATE_LIMIT_STAR must be a whole number from 0 to 1000000000'],
  [{ RATE_LIMIT_WINDOW_SECS: '0' }, 'RATE_LIMIT_WINDOW_SECS must be a whole number from 1 to 86400'],
  [{ RATE_LIMIT_DEFAULT: '1.5' }, 'RATE_LIMIT_DEFAULT must be a whole number from 0 to 1000000000'],
  [{ RATE_LIMIT_ENABLED: 'perhaps' }, 'RATE_LIMIT_ENABLED must be true or false'],
])('%j stops the start', (env, line) => {
  expect(() => readConfig(env)).toThrow(line);
});
