import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authContext, createAgent, rawRequest, signNested } from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { AppContext } from '../context.js';
import type { Database } from '../db/index.js';
import { isLimitable } from '../rate-limits.js';
import { authenticate, READ_ACTIONS } from './index.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

/** The database, and how many statements were sent to it; parts of a statement are never sent by themselves. */
function counted(db: Database): { db: Database; sent: () => number } {
  let sent = 0;
  const sql = (...args: Parameters<Database['sql']>) => {
    const query = db.sql(...args);
    const send = query.then.bind(query);
    return Object.assign(query, {
      // biome-ignore lint/suspicious/noThenProperty: this is where a query is sent
      then: (...handlers: Parameters<typeof send>) => {
        sent += 1;
        return send(...handlers);
      },
    });
  };
  return { db: { ...db, sql: sql as unknown as Database['sql'] }, sent: () => sent };
}

test('the checks of a signed write, its charge included, take one round trip once the agent is known', async () => {
  const agent = await createAgent(database.db);
  const { db, sent } = counted(database.db);
  const ctx: AppContext = { ...authContext(database.db, { RATE_LIMIT_REPO_CREATE: '10' }), db };
  const rule = { actions: ['repo_create'], mutates: true, ids: {}, flatBody: () => ({}) };
  const trips: number[] = [];
  for (let i = 0; i < 4; i++) {
    const before = sent();
    const json = signNested(agent, { action: 'repo_create', body: { name: 'x' } });
    const { quota } = await authenticate(ctx, rawRequest('POST', '/v1/repos', { json }), rule);
    expect(quota?.remaining).toBe(9 - i);
    trips.push(sent() - before);
  }
  expect(trips).toEqual([2, 1, 1, 1]);
});

test('every action that the routes take for a write can be given a limit', () => {
  const root = new URL('../', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /routes\.ts$/.test(name));
  const sources = files.map((name) => readFileSync(new URL(name, root), 'utf8'));
  const lists = sources.flatMap((source) =>
    [...source.matchAll(/actions: \[([^\]]*)\]/g)].map((match) => match[1] ?? ''),
  );
  const actions = lists.flatMap((list) => [...list.matchAll(/'([^']+)'/g)].map((match) => match[1] ?? ''));
  expect(actions).toContain('repo_create');
  const reads: readonly string[] = [...READ_ACTIONS, 'git-upload-pack', 'git_auth'];
  const isRead = (action: string) => reads.includes(action) || /_(?:list|get|read)$/.test(action);
  expect(actions.filter((action) => !isLimitable(action) && !isRead(action))).toEqual([]);
});
