import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { RepositoryView } from '../../src/client/index.js';
import { TestAgent } from '../support/agent.js';
import { s3Env } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestBucket } from '../support/s3.js';

describe.each([
  ['filesystem', async () => ({ env: {}, drop: async () => {} })],
  [
    'S3',
    async () => {
      const bucket = await createTestBucket();
      return { env: s3Env(bucket), drop: () => bucket.drop() };
    },
  ],
])('a node is killed while a forked repository is deleted: %s', { timeout: 240_000 }, (_, openStore) => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const setUp = async () => {
    const database = await createTestDatabase({ empty: true });
    const store = await openStore();
    const dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-deletion-'));
    closers.push(
      () => database.drop(),
      () => store.drop(),
      () => rm(dataDir, { recursive: true, force: true }),
    );
    const env = { DATABASE_URL: database.url, GITCLAW_DATA_DIR: dataDir, ...store.env };
    let node = await ServerProcess.start({ env });
    const agent = await TestAgent.setup(node.url, 'survivor');
    closers.push(
      async () => agent.dispose(),
      () => node.stop(),
    );
    const source = await agent.createRepo('source');
    const work = agent.sandbox.path('work');
    await agent.sandbox.seedHistory({ dir: work, seed: 9, commits: 30 });
    await agent.git(['push', '-q', '--mirror', source.cloneUrl], { cwd: work });
    await agent.git(['commit', '-q', '--allow-empty', '-m', 'second pack'], { cwd: work });
    await agent.git(['push', '-q', source.cloneUrl, 'main'], { cwd: work });
    const mine = await agent.client.request<RepositoryView>('POST', `/v1/repos/${source.repoId}/fork`, {
      action: 'repo_fork',
      body: { name: 'fork' },
    });
    const restart = async (program?: string[]) => {
      const { port } = node;
      await node.stop();
      node = await ServerProcess.start({ env, port, ...(program && { program }) });
      return node;
    };
    return { database, agent, source, mine, restart };
  };

  const waitUntilUnpacked = ({ db }: TestDatabase) =>
    until(async () => (await db.sql`SELECT 1 FROM packs WHERE unpacked_at IS NULL`).length === 0);
  const until = async (done: () => Promise<boolean>) => {
    for (const end = Date.now() + 60_000; !(await done()); await sleep(200)) {
      if (Date.now() > end) throw new Error('not done within a minute');
    }
  };
  const heads = async (agent: TestAgent, url: string, name: string) => {
    const dir = agent.sandbox.path(name);
    await agent.git(['clone', '-q', '--mirror', url, dir]);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: dir })).stdout).toBe('');
    return Object.fromEntries(await agent.sandbox.refs(dir));
  };
  /** The answer is lost with the node, so how the call ends does not matter. */
  const remove = (agent: TestAgent, { repoId }: { repoId: string }) =>
    agent.client
      .request('DELETE', `/v1/repos/${repoId}`, { action: 'repo_delete', body: { repoId } })
      .catch((error: unknown) => error);

  test('right after the commit: the note is found by the next node', async () => {
    const { database, agent, source, mine, restart } = await setUp();
    const wanted = await heads(agent, mine.cloneUrl, 'before');
    await waitUntilUnpacked(database);
    const node = await restart(['test/support/crash-node.mjs', 'delete.after-commit']);
    await remove(agent, source);
    await node.ended();
    expect(node.child.signalCode).toBe('SIGKILL');

    await restart();
    expect((await agent.git(['ls-remote', source.cloneUrl], { ok: false })).code).not.toBe(0);
    expect(await heads(agent, mine.cloneUrl, 'after')).toEqual(wanted);
    await until(async () => (await database.db.sql`SELECT 1 FROM packs WHERE stored_in IS NOT NULL`).length === 0);
    expect(await heads(agent, mine.cloneUrl, 'taken-over')).toEqual(wanted);
  });

  test('between the copy of a pack and its hand-over: the copy is made again', async () => {
    const { database, agent, source, mine, restart } = await setUp();
    const { sql } = database.db;
    const wanted = await heads(agent, mine.cloneUrl, 'before');
    await waitUntilUnpacked(database);
    const node = await restart(['test/support/crash-node.mjs', 'take-over.copied']);
    await remove(agent, source);
    await node.ended();
    expect(node.child.signalCode).toBe('SIGKILL');
    const [left] = await sql<{ shared: number; staged: number }[]>`
      SELECT (SELECT count(*) FROM packs WHERE stored_in = ${source.repoId}) AS shared,
        (SELECT count(*) FROM staged_packs WHERE repo_id = ${mine.repoId}) AS staged`;
    expect(left).toEqual({ shared: 2, staged: 1 });

    // What the lease of the dead node would do in five minutes.
    await sql`UPDATE staged_packs SET started_at = 'epoch' WHERE repo_id = ${source.repoId}`;
    await restart();
    expect(await heads(agent, mine.cloneUrl, 'meanwhile')).toEqual(wanted);
    await until(async () => (await sql`SELECT 1 FROM packs WHERE stored_in IS NOT NULL`).length === 0);
    expect(await heads(agent, mine.cloneUrl, 'taken-over')).toEqual(wanted);
    expect(await sql`SELECT 1 FROM staged_packs WHERE repo_id = ${mine.repoId}`).toHaveLength(0);

    // A day later the old place is emptied, and nothing is missing.
    await sql`UPDATE staged_packs SET started_at = now() - interval '25 hours' WHERE repo_id = ${source.repoId}`;
    await until(async () => (await sql`SELECT 1 FROM staged_packs WHERE repo_id = ${source.repoId}`).length === 0);
    await restart();
    expect(await heads(agent, mine.cloneUrl, 'a-day-later')).toEqual(wanted);
  });
});
