import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import {
  newAgent,
  newRepository,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { appendAudit, writeCheckpoint } from '../audit/index.js';
import { startOutbox } from '../outbox/index.js';
import { reputationHandler } from '../reputation/index.js';
import { rebuildTrending } from '../trending/index.js';

const sandbox = new GitSandbox();
let database: TestDatabase;
let app: TestApp;
let env: Record<string, string>;
let agents: TestAgent[];
let repoId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startTestApp({ db: database.db }, { RATE_LIMIT_ENABLED: 'false' });
  env = { DATABASE_URL: database.url, GITCLAW_DATA_DIR: sandbox.path('data'), LOG_LEVEL: 'error' };
  agents = await Promise.all(Array.from({ length: 4 }, () => newAgent(app)));
  repoId = (await newRepository(app, agents[0]!)).repoId;
});
afterAll(async () => {
  await app.close();
  await database.drop();
  sandbox.dispose();
});

const run = (...args: string[]) => gitclaw(sandbox, args, { env });
const star = (agent: TestAgent, action = 'star', repo = repoId) =>
  signedRequest(app, agent, 'POST', `/v1/repos/${repo}/stars/${action}`, { action, body: { repoId: repo } });

/** Commits an event about a pull request that moves reputations. */
const emit = (action: string, data: Record<string, unknown>) =>
  database.db.transaction((tx) =>
    appendAudit(tx, {
      ...{ agentId: 'merger', action, resourceType: 'pull_request', resourceId: randomUUID(), data, signature: 's' },
      topics: ['reputation'],
    }),
  );

describe('audit export and verify', () => {
  it('write a file that proves itself, and tell where it was changed', async () => {
    await star(agents[1]!);
    await writeCheckpoint(database.db);
    const written = await run('audit', 'export', '--output', 'all.jsonl', '--json');
    expect(written).toMatchObject({ code: 0, stderr: '' });
    const good = await run('verify', 'all.jsonl', '--json');
    expect(good).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(good.stdout);
    expect(report).toMatchObject({ ok: true, signatures: 2, checkpoints: 1, unsigned: { agent_register: 4 } });
    expect((await run('verify', 'all.jsonl')).stdout).toContain('everything fits');
    expect((await run('verify', 'all.jsonl', '--server-key', report.serverKey)).code).toBe(0);
    expect((await run('verify', 'all.jsonl', '--server-key', agents[0]!.publicKey)).code).toBe(1);

    const path = sandbox.path('all.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    const at = lines.findIndex((line) => line.includes('"action":"star"'));
    writeFileSync(path, lines.with(at, lines[at]!.replace('"star_count":1', '"star_count":2')).join('\n'));
    const bad = await run('verify', 'all.jsonl');
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain(`line ${at + 1}: event_changed (chain ${repoId}, event 2`);
    expect(bad.stderr).toMatch(/^error: the export is not as it was written/);
  });

  it('take one repository, overwrite nothing, and explain what they cannot read', async () => {
    expect((await run('audit', 'export', '--output', 'one.jsonl', '--repo', repoId)).code).toBe(0);
    const report = JSON.parse((await run('verify', 'one.jsonl', '--json')).stdout);
    expect(report).toMatchObject({ ok: true, chains: 1 });
    expect((await run('audit', 'export', '--output', 'one.jsonl')).code).toBe(2);
    expect((await run('audit', 'export')).code).toBe(2);
    expect((await run('verify', 'missing.jsonl')).code).toBe(2);
    writeFileSync(sandbox.path('noise'), 'not an export');
    expect((await run('verify', 'noise')).code).toBe(1);
  });
});

describe('rebuild', () => {
  it('comes to the same reputation, stars and trending scores, also from nothing', async () => {
    const [a, b, c, d] = agents.map(({ agentId }) => agentId) as [string, string, string, string];
    for (let turn = 0; turn < 30; turn++) await emit('pr_merge', { author_id: a, approving_reviewers: [b, c] });
    // Cut at 1 and at 0, so the order counts.
    for (let turn = 0; turn < 12; turn++) await emit('policy_violation', { agent_id: d });
    await emit('pr_reverted', { author_id: a, approving_reviewers: [b] });
    await emit('pr_merge', { author_id: d, approving_reviewers: [] });
    const outbox = startOutbox(app.ctx, { pollMs: 20, handlers: { reputation: reputationHandler(app.ctx) } });
    const open = async () =>
      (await database.db.sql`SELECT 1 FROM event_outbox WHERE topic = 'reputation' AND status <> 'processed'`).length;
    await expect.poll(open, { timeout: 20_000 }).toBe(0);
    await outbox.stop();
    await star(agents[2]!);
    await star(agents[3]!);
    await star(agents[3]!, 'unstar');

    const at = await database.db.now();
    await rebuildTrending(database.db, at);
    const state = async () => ({
      reputation: await database.db.sql`SELECT agent_id, score FROM reputation ORDER BY agent_id`,
      stars: await database.db
        .sql`SELECT repo_id, agent_id, reason, reason_public FROM repo_stars ORDER BY repo_id, agent_id`,
      counts: await database.db.sql`SELECT repo_id, stars FROM repo_star_counts ORDER BY repo_id`,
      // Scores fall with time, by less than this in the time a test takes.
      trending: (
        await database.db.sql<{ window: string; repo: string; delta: number; score: number }[]>`
        SELECT "window", repo_id AS repo, stars_delta AS delta, weighted_score::float8 AS score FROM repo_trending_scores
        ORDER BY "window", repo_id`
      ).map((row) => ({ ...row, score: expect.closeTo(row.score, 1) })),
      scores: await database.db.sql`SELECT count(*) AS n FROM repo_trending_scores WHERE weighted_score > 0.5`,
    });
    const live = await state();
    expect(live.reputation.find((row) => row.agent_id === a)?.score).toBe('0.950');
    expect(live.reputation.find((row) => row.agent_id === d)?.score).toBe('0.020');
    const unchanged = JSON.parse((await run('rebuild', '--json')).stdout);
    expect(unchanged).toMatchObject({
      reputation: { updates: 30 * 3 + 12 + 2 + 1, corrected: 0 },
      stars: { restored: 0, removed: 0, counts: 0 },
      trending: { '1h': 1, '24h': 1, '7d': 1, '30d': 1 },
    });
    const same = async () => {
      const rows = await database.db.sql`SELECT "window", repo_id AS repo, stars_delta AS delta,
        weighted_score::float8 AS score FROM repo_trending_scores ORDER BY "window", repo_id`;
      expect([...rows]).toEqual(live.trending);
      const { trending: _, ...rest } = await state();
      const { trending: __, ...before } = live;
      expect(rest).toEqual(before);
    };
    await same();

    const { sql } = database.db;
    await sql`DELETE FROM reputation WHERE agent_id = ${b}`;
    await sql`UPDATE reputation SET score = 0.123 WHERE agent_id IN (${a}, ${d})`;
    await sql`DELETE FROM repo_stars WHERE agent_id = ${agents[1]!.agentId}`;
    await sql`INSERT INTO repo_stars (repo_id, agent_id) VALUES (${repoId}, ${d})`;
    await sql`UPDATE repo_star_counts SET stars = 77`;
    await sql`DELETE FROM repo_trending_scores`;
    const repaired = JSON.parse((await run('rebuild', '--json')).stdout);
    expect(repaired).toMatchObject({
      reputation: { corrected: 3 },
      stars: { restored: 1, removed: 1, counts: 1 },
    });
    await same();
    expect((await run('rebuild')).stdout).toMatch(/^reputation {2}\d+ changes replayed, 0 scores corrected\n/);
  });
});

describe('outbox', () => {
  it('shows dead letters and has them tried again', async () => {
    const { sql } = database.db;
    await sql`UPDATE event_outbox SET status = 'dead_letter', attempts = 5, last_error = 'no such luck'
      WHERE topic = 'webhook'`;
    const [count] = await sql<[{ n: number }]>`SELECT count(*) AS n FROM event_outbox WHERE status = 'dead_letter'`;
    expect(count.n).toBeGreaterThan(1);
    const listed = JSON.parse((await run('outbox', 'list', '--json')).stdout);
    expect(listed).toHaveLength(count.n);
    expect(listed[0]).toMatchObject({
      topic: 'webhook',
      status: 'dead_letter',
      attempts: 5,
      lastError: 'no such luck',
    });
    const { outboxId } = listed[0];
    expect((await run('outbox', 'list', '--topic', 'webhook', '--limit', '1')).stdout).toMatch(
      /\twebhook\tstar\t5\tno such luck\n$/,
    );
    expect((await run('outbox', 'list', '--topic', 'trending')).stdout).toBe('');
    expect((await run('outbox', 'retry', outboxId, '--json')).stdout).toContain('"retried": 1');
    expect(await sql`SELECT status, attempts FROM event_outbox WHERE outbox_id = ${outboxId}::uuid`).toMatchObject([
      { status: 'pending', attempts: 0 },
    ]);
    expect((await run('outbox', 'retry', outboxId)).code).toBe(1);
    for (const wrong of [[], ['x'], [outboxId, '--all']]) expect((await run('outbox', 'retry', ...wrong)).code).toBe(2);
    expect((await run('outbox', 'list', '--status', 'gone')).code).toBe(2);
    expect((await run('outbox', 'retry', '--all', '--topic', 'trending')).stdout).toBe('0 will be tried again\n');
    expect((await run('outbox', 'retry', '--all')).stdout).toBe(`${count.n - 1} will be tried again\n`);
  });
});
