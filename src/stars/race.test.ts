import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  newAgent,
  newRepository,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { Random } from '../../test/support/random.js';
import { openDatabase } from '../db/index.js';

const AGENTS = 50;
const CALLS = 1000;

let database: TestDatabase;
let nodes: TestApp[];
beforeAll(async () => {
  database = await createTestDatabase();
  const other = openDatabase({ url: database.url, maxConnections: 10 });
  nodes = [await startTestApp({ db: database.db }), await startTestApp({ db: other })];
  return () => other.close();
});
afterAll(async () => {
  for (const node of nodes) await node.close();
  await database.drop();
});

it('keeps counts exact under 1,000 concurrent calls of 50 agents on two nodes', async () => {
  const [first] = nodes as [TestApp, TestApp];
  const agents: TestAgent[] = [];
  for (let i = 0; i < AGENTS; i++) agents.push(await newAgent(first));
  const repos: string[] = [];
  for (let i = 0; i < 2; i++) repos.push((await newRepository(first, agents[i]!)).repoId);

  const random = new Random(7);
  const calls = Array.from({ length: CALLS }, (_, n) => ({
    node: nodes[n % 2]!,
    agent: agents[n % AGENTS]!,
    repoId: repos[random.below(repos.length)]!,
    action: random.chance(0.6) ? 'star' : 'unstar',
  }));
  const answers = await Promise.all(
    calls.map(({ node, agent, repoId, action }) =>
      signedRequest(node, agent, 'POST', `/v1/repos/${repoId}/stars/:${action}`, { action, body: { repoId } }),
    ),
  );

  const faults = nodes.flatMap((node) => node.logs).filter(({ level }) => Number(level) >= 50);
  const outcomes = new Set(answers.map(({ status, json }) => `${status} ${json.error?.code ?? ''}`.trim()));
  const allowed = ['200', '404 NO_EXISTING_STAR', '409 CONFLICT', '409 DUPLICATE_STAR'];
  expect(
    [...outcomes].filter((outcome) => !allowed.includes(outcome)),
    JSON.stringify(faults),
  ).toEqual([]);
  for (const repoId of repos) {
    const accepted = calls.filter((call, n) => call.repoId === repoId && answers[n]?.status === 200);
    const [sums] = await database.db.sql<[{ counter: number; rows: number; events: number; balance: number }]>`
      SELECT (SELECT stars FROM repo_star_counts WHERE repo_id = ${repoId}) AS counter,
        (SELECT count(*) FROM repo_stars WHERE repo_id = ${repoId}) AS rows,
        (SELECT count(*) FROM star_events WHERE repo_id = ${repoId}) AS events,
        (SELECT coalesce(sum(CASE action WHEN 'star' THEN 1 ELSE -1 END), 0)::int FROM star_events
          WHERE repo_id = ${repoId}) AS balance`;
    const stars = accepted.filter(({ action }) => action === 'star').length;
    const balance = stars - (accepted.length - stars);
    expect(sums).toEqual({ counter: balance, rows: balance, events: accepted.length, balance });

    // In the order of the audit chain every count follows from the one before, so no call saw a stale one.
    const audit = await database.db.sql<{ action: string; count: number }[]>`
      SELECT action, (data->>'star_count')::int AS count FROM audit_log
      WHERE chain_id = ${repoId} AND action IN ('star', 'unstar') ORDER BY seq`;
    expect(audit).toHaveLength(accepted.length);
    let count = 0;
    for (const event of audit) {
      count += event.action === 'star' ? 1 : -1;
      expect(event.count).toBe(count);
    }
  }
});
