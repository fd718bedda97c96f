import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { agents, repoStars, repositories, reputation } from '../db/index.js';
import { replaceScores } from './store.js';
import { WINDOWS, type Window } from './window.js';

const AT = new Date('2026-06-01T12:00:00.000Z');
const HOUR = 3_600_000;

let test: TestDatabase;
beforeEach(async () => {
  await test?.drop();
  test = await createTestDatabase();
});
afterAll(() => test.drop());

async function repository(visibility: 'public' | 'private' = 'public'): Promise<string> {
  const repoId = randomUUID();
  const ownerId = await agent({});
  await test.db.orm.insert(repositories).values({ repoId, ownerId, name: 'r', visibility });
  return repoId;
}

/** @param score null for an agent without a row in `reputation` */
async function agent({ score = '0.500' as string | null, clusterIds = [] as string[] }): Promise<string> {
  const agentId = randomUUID();
  await test.db.orm.insert(agents).values({ agentId, agentName: agentId, publicKey: 'k' });
  if (score !== null) await test.db.orm.insert(reputation).values({ agentId, score, clusterIds });
  return agentId;
}

async function star(repoId: string, agentId: string, hoursOld: number): Promise<void> {
  await test.db.orm.insert(repoStars).values({ repoId, agentId, createdAt: new Date(AT.getTime() - hoursOld * HOUR) });
}

/** Score and number of stars per window, for one repository. */
async function scores(repoId: string): Promise<Partial<Record<Window, [number, number]>>> {
  for (const window of WINDOWS) await test.db.transaction((tx) => replaceScores(tx, window, AT));
  const rows = await test.db.sql<{ window: Window; score: number; delta: number; at: Date }[]>`
    SELECT "window", weighted_score::float8 AS score, stars_delta AS delta, computed_at AS at
    FROM repo_trending_scores WHERE repo_id = ${repoId}`;
  for (const { at } of rows) expect(at).toEqual(AT);
  return Object.fromEntries(rows.map(({ window, score, delta }) => [window, [score, delta]]));
}

describe('trending scores', () => {
  it('of one fresh star by an average agent are 0.75', async () => {
    const repoId = await repository();
    await star(repoId, await agent({}), 0);
    expect(await scores(repoId)).toEqual({ '1h': [0.75, 1], '24h': [0.75, 1], '7d': [0.75, 1], '30d': [0.75, 1] });
  });

  it('fall with age to one half', async () => {
    const repoId = await repository();
    await star(repoId, await agent({ score: '1.000' }), 12);
    expect(await scores(repoId)).toEqual({
      '24h': [0.75, 1], // 1 - 0.5 * 12/24
      '7d': [0.9643, 1], // 1 - 0.5 * 12/168
      '30d': [0.9917, 1], // 1 - 0.5 * 12/720
    });
  });

  it('grow with reputation, which is 0.5 for an agent without any', async () => {
    const score = async (given: string | null) => {
      const repoId = await repository();
      await star(repoId, await agent({ score: given }), 0);
      return (await scores(repoId))['24h'];
    };
    expect(await score('0.000')).toEqual([0.5, 1]);
    expect(await score(null)).toEqual([0.75, 1]);
    expect(await score('0.800')).toEqual([0.9, 1]);
    expect(await score('1.000')).toEqual([1, 1]);
  });

  it('halve stars of a cluster that has three newer ones', async () => {
    const repoId = await repository();
    const cluster = ['x', 'x'];
    for (const hours of [1, 2, 3, 4, 5]) await star(repoId, await agent({ clusterIds: cluster }), hours * 0.12);
    // (0.75) * (1 - 0.5 * age): ages 0.12 0.24 0.36 count fully, 0.48 and 0.60 count half.
    // 0.705 + 0.660 + 0.615 + 0.570/2 + 0.525/2
    expect((await scores(repoId))['1h']).toEqual([2.5275, 5]);
  });

  it('count a star for every cluster of its giver', async () => {
    const repoId = await repository();
    await star(repoId, await agent({ clusterIds: ['x', 'y'] }), 0.1);
    await star(repoId, await agent({ clusterIds: ['x', 'y'] }), 0.2);
    await star(repoId, await agent({ clusterIds: ['x'] }), 0.3);
    await star(repoId, await agent({ clusterIds: ['x', 'y'] }), 0.4); // x has 3: halved, and y has 3 now
    await star(repoId, await agent({ clusterIds: ['y'] }), 0.5); // y has 3: halved
    await star(repoId, await agent({ clusterIds: ['z'] }), 0.6);
    await star(repoId, await agent({ clusterIds: [] }), 0.7);
    // 0.75 * (0.95 + 0.9 + 0.85 + 0.8/2 + 0.75/2 + 0.7 + 0.65)
    expect((await scores(repoId))['1h']).toEqual([3.6188, 7]);
    const other = await repository();
    await star(other, await agent({ clusterIds: ['x'] }), 0);
    expect((await scores(other))['1h']).toEqual([0.75, 1]);
  });

  it('leave out stars as old as the window, and take later ones as fresh', async () => {
    const repoId = await repository();
    await star(repoId, await agent({}), 1);
    await star(repoId, await agent({}), -0.5);
    expect(await scores(repoId)).toMatchObject({ '1h': [0.75, 1], '24h': [1.4844, 2] }); // 0.75 + 0.75 * (1 - 0.5/24)
  });

  it('leave out private repositories and what has no young star, and replace what was there', async () => {
    const hidden = await repository('private');
    await star(hidden, await agent({}), 0);
    expect(await scores(hidden)).toEqual({});
    const repoId = await repository();
    const giver = await agent({});
    await star(repoId, giver, 719);
    expect(Object.keys(await scores(repoId))).toEqual(['30d']);
    await test.db.sql`DELETE FROM repo_stars WHERE agent_id = ${giver}`;
    expect(await scores(repoId)).toEqual({});
  });
});
