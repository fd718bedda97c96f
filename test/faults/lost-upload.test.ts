/** A node is killed when a push is stored and not committed: what it left goes after a day, and nothing else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/index.js';
import { looseKey } from '../../src/storage/index.js';
import { TestAgent } from '../support/agent.js';
import { s3 } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';

test('loose objects of a killed push are removed from the bucket', async () => {
  const deployment = await s3.start({ env: { CI_ENABLED: 'false' } });
  let node = deployment.nodes[0]!;
  const agent = await TestAgent.setup(deployment.url, 'killed');
  const db = openDatabase({ url: deployment.env.DATABASE_URL!, maxConnections: 1 });
  const objects = await deployment.openObjects();
  try {
    const { cloneUrl: url, repoId } = await agent.createRepo('half');
    const dir = (await agent.sandbox.seedHistory({ seed: 9, commits: 3 })).dir;
    const git = async (...args: string[]) => (await agent.git(args, { cwd: dir })).stdout.trim();
    await git('push', '-q', url, 'main');
    const kept = (await git('rev-list', '--objects', '--no-object-names', 'main')).split('\n');
    const commit = async (message: string) => {
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
    };
    writeFileSync(join(dir, 'shared.txt'), 'of two pushes\n');
    writeFileSync(join(dir, 'lost.txt'), 'of one push\n');
    await commit('lost');
    const lost = (await git('rev-list', '--objects', '--no-object-names', 'main', '^main~')).split('\n');
    const shared = await git('rev-parse', 'main:shared.txt');

    const { port } = node;
    await node.stop();
    const killer = ['test/support/crash-node.mjs', 'push.before-commit'];
    node = await ServerProcess.start({ env: deployment.env, port, program: killer });
    expect((await agent.git(['push', '-q', url, 'main'], { cwd: dir, ok: false })).code).not.toBe(0);
    await node.ended();
    const stored = async (oid: string) => (await objects.head(looseKey(repoId, oid))) !== undefined;
    expect(await Promise.all(lost.map(stored))).toEqual(lost.map(() => true));

    // A push of other content that holds one of the objects too.
    node = await ServerProcess.start({ env: deployment.env, port });
    await git('reset', '-q', '--hard', 'main~');
    writeFileSync(join(dir, 'shared.txt'), 'of two pushes\n');
    await commit('kept');
    await git('push', '-q', url, 'main');
    const [row] = await db.sql`SELECT loose FROM staged_packs WHERE repo_id = ${repoId}`;
    expect(row?.loose).toHaveLength(lost.length * 20);
    expect(await stored(lost[0]!)).toBe(true);

    await db.sql`UPDATE staged_packs SET started_at = now() - interval '25 hours' WHERE repo_id = ${repoId}`;
    await node.stop();
    node = await ServerProcess.start({ env: deployment.env, port });
    await expect.poll(() => stored(lost[0]!), { timeout: 45_000, interval: 200 }).toBe(false);
    await expect.poll(async () => db.sql`SELECT 1 FROM staged_packs`, { timeout: 20_000 }).toHaveLength(0);
    const gone = lost.filter((oid) => oid !== shared);
    expect(await Promise.all(gone.map(stored))).toEqual(gone.map(() => false));
    const all = [...kept, ...(await git('rev-list', '--objects', '--no-object-names', 'main', '^main~')).split('\n')];
    expect(await Promise.all(all.map(stored))).toEqual(all.map(() => true));
    const copy = agent.sandbox.path('copy');
    await agent.git(['clone', '-q', '--mirror', url, copy]);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
  } finally {
    await objects.close();
    await db.close();
    agent.dispose();
    await node.stop();
    await deployment.stop();
  }
}, 180_000);
