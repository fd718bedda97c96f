import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  newAgent,
  newRepository,
  send,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { agents, repoStars, repositories } from '../db/index.js';
import { createTrendingSchedule, refreshTrending } from './index.js';
import { trendingData } from './schemas.js';

let app: TestApp;
let owner: TestAgent;
beforeEach(async () => {
  app = await startTestApp();
  owner = await newAgent(app);
});
afterEach(() => app.close());

const trending = (query = '') => send(app.url, `/v1/repos/trending${query}`);

async function star(repoId: string): Promise<void> {
  const signing = { action: 'star', body: { repoId } };
  const answer = await signedRequest(app, await newAgent(app), 'POST', `/v1/repos/${repoId}/stars/:star`, signing);
  expect(answer.status).toBe(200);
}

describe('GET /v1/repos/trending', () => {
  it('shows the best first with the time of the computation', async () => {
    const repos = [];
    for (let i = 0; i < 3; i++) repos.push(await newRepository(app, owner));
    const [two, none, one] = repos as [(typeof repos)[0], (typeof repos)[0], (typeof repos)[0]];
    for (const repoId of [one.repoId, two.repoId, two.repoId]) await star(repoId);
    const hidden = await newRepository(app, owner);
    await star(hidden.repoId);
    const before = await app.ctx.db.now();
    expect(await refreshTrending(app.ctx, 0)).toBe(true);
    await app.ctx.db.sql`UPDATE repositories SET visibility = 'private' WHERE repo_id = ${hidden.repoId}`;
    await star(one.repoId);

    const answer = await trending();
    expect(answer.status).toBe(200);
    const { data } = answer.json;
    expect(trendingData.strict().parse(data)).toEqual(data);
    expect(data.window).toBe('24h');
    expect(Date.parse(data.computedAt)).toBeGreaterThanOrEqual(before.getTime());
    expect(data.repos.map((repo: { repoId: string }) => repo.repoId)).toEqual([two.repoId, one.repoId]);
    expect(JSON.stringify(data)).not.toContain(none.repoId);
    const { weightedScore, ...first } = data.repos[0];
    expect(first).toEqual({
      repoId: two.repoId,
      name: two.name,
      ownerId: owner.agentId,
      ownerName: owner.agentName,
      description: null,
      stars: 2,
      starsDelta: 2,
      createdAt: expect.stringMatching(/\.\d{3}Z$/),
    });
    expect(weightedScore).toBeCloseTo(1.5, 2);
    expect(data.repos[1]).toMatchObject({ stars: 2, starsDelta: 1 });
  });

  it('puts equal scores in the order of all stars, then of ids', async () => {
    const { orm, sql } = app.ctx.db;
    const ids = ['c', 'a', 'b'].map((letter) => letter + randomUUID().slice(1));
    for (const repoId of ids) await orm.insert(repositories).values({ repoId, ownerId: owner.agentId, name: repoId });
    for (const repoId of ids) {
      await sql`INSERT INTO repo_trending_scores VALUES ('7d', ${repoId}, 2.5, 1, now())`;
      await sql`INSERT INTO repo_star_counts VALUES (${repoId}, ${repoId === ids[0] ? 9 : 1})`;
    }
    const { repos } = (await trending('?window=7d')).json.data;
    expect(repos.map((repo: { repoId: string }) => repo.repoId)).toEqual([ids[0], ids[1], ids[2]]);
  });

  it('has a time even when there is nothing to show', async () => {
    for (const window of ['1h', '24h', '7d', '30d']) {
      const { data } = (await trending(`?window=${window}`)).json;
      expect(data).toMatchObject({ window, repos: [] });
      expect(Math.abs(Date.parse(data.computedAt) - Date.now())).toBeLessThan(5000);
    }
    // The 1h window was computed with the others and found empty.
    const { repoId } = await newRepository(app, owner);
    const at = '2026-01-01T00:00:00.000Z';
    await app.ctx.db.sql`INSERT INTO repo_trending_scores VALUES ('30d', ${repoId}, 1, 1, ${new Date(at)})`;
    expect((await trending('?window=1h')).json.data).toEqual({ window: '1h', repos: [], computedAt: at });
  });

  it('clamps the limit and refuses other windows', async () => {
    const { orm, sql } = app.ctx.db;
    const rows = Array.from({ length: 101 }, () => ({
      repoId: randomUUID(),
      ownerId: owner.agentId,
      name: randomUUID(),
    }));
    await orm.insert(repositories).values(rows);
    await sql`INSERT INTO repo_trending_scores SELECT '24h', repo_id, 1, 1, now() FROM repositories`;
    const count = async (query: string) => (await trending(query)).json.data.repos.length;
    expect(await count('')).toBe(50);
    expect(await count('?limit=')).toBe(50);
    expect(await count('?limit=0')).toBe(1);
    expect(await count('?limit=-5')).toBe(1);
    expect(await count('?limit=1000')).toBe(100);
    expect(await count('?limit=7&window=24h')).toBe(7);
    for (const window of ['2h', '24H', '1d', '%00', 'x'.repeat(500)]) {
      const { status, json } = await trending(`?window=${window}`);
      expect([status, json.error.code]).toEqual([400, 'INVALID_WINDOW']);
    }
    for (const limit of ['x', '1.5', '1e2']) {
      const { status, json } = await trending(`?limit=${limit}`);
      expect([status, json.error.code]).toEqual([400, 'INVALID_PAGINATION']);
    }
  });
});

describe('the job', () => {
  /** A star in the table alone, so that there is something to compute. */
  async function insertStar(): Promise<void> {
    const { repoId } = await newRepository(app, owner);
    const agentId = randomUUID();
    await app.ctx.db.orm.insert(agents).values({ agentId, agentName: agentId, publicKey: 'k' });
    await app.ctx.db.orm.insert(repoStars).values({ repoId, agentId });
  }

  it('is done by one of many nodes, and not again while the scores are fresh', async () => {
    await insertStar();
    const done = await Promise.all([1, 2, 3, 4, 5].map(() => refreshTrending(app.ctx, 300)));
    expect(done.filter(Boolean)).toHaveLength(1);
    expect(await refreshTrending(app.ctx, 300)).toBe(false);
    await app.ctx.db.sql`UPDATE repo_trending_scores SET computed_at = computed_at - interval '301 seconds'`;
    expect(await refreshTrending(app.ctx, 300)).toBe(true);
  });

  it('runs at the start, then every five minutes, and a minute after the last time when stars were given', async () => {
    const age = (seconds: number) => app.ctx.db.sql`
      UPDATE repo_trending_scores SET computed_at = now() - make_interval(secs => ${seconds})`;
    await insertStar();
    const schedule = createTrendingSchedule();
    expect(await schedule.run(app.ctx)).toBe(1);
    await age(299);
    expect(await schedule.run(app.ctx)).toBe(0);
    await age(301);
    expect(await schedule.run(app.ctx)).toBe(1);

    const event = {} as Parameters<typeof schedule.handler>[0];
    await schedule.handler(event, new AbortController().signal);
    await age(50);
    expect(await schedule.run(app.ctx)).toBe(0);
    await age(61);
    expect(await schedule.run(app.ctx)).toBe(1);
    await age(299);
    expect(await schedule.run(app.ctx)).toBe(0);
  });

  it('is not done again and again while there are no stars, and at once after the first', async () => {
    const schedule = createTrendingSchedule();
    expect(await schedule.run(app.ctx)).toBe(1);
    expect(await schedule.run(app.ctx)).toBe(0);

    await insertStar();
    await schedule.handler({} as Parameters<typeof schedule.handler>[0], new AbortController().signal);
    expect(await schedule.run(app.ctx)).toBe(1);
  });
});
