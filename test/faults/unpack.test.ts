/** A node dies while it stores the objects of a pack loose; another goes on from the last batch. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/index.js';
import { forEachParallel } from '../../src/parallel.js';
import { TestAgent } from '../support/agent.js';
import { s3 } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';

/** Longest time for all objects. */
const UNPACK_MS = 120_000;

interface Progress {
  objects: number;
  unpack_next: number;
  done: boolean;
}

test('unpacking to S3 survives kill -9 and repeats at most a batch', async () => {
  const deployment = await s3.start();
  let node = deployment.nodes[0]!;
  const agent = await TestAgent.setup(deployment.url, 'survivor');
  const db = openDatabase({ url: deployment.env.DATABASE_URL!, maxConnections: 1 });
  try {
    const { cloneUrl: url, repoId } = await agent.createRepo('loose');
    const source = (await agent.sandbox.seedHistory({ seed: 3, commits: 400, merges: 20 })).dir;
    await agent.git(['push', '-q', '--mirror', url], { cwd: source });

    const progress = async () =>
      (
        await db.sql<Progress[]>`
        SELECT objects, unpack_next, unpacked_at IS NOT NULL AS done FROM packs WHERE repo_id = ${repoId}`
      )[0]!;
    while ((await progress()).unpack_next === 0) await sleep(2);
    await node.stop('SIGKILL');
    const killed = await progress();
    expect(killed.unpack_next, 'killed half-way').toBeLessThan(killed.objects);
    expect(killed.done).toBe(false);

    const objects = await deployment.openObjects();
    const looseKeys = async () => {
      const found: string[] = [];
      for await (const { key } of objects.list(`${repoId}/objects/`)) {
        if (!key.includes('/pack/')) found.push(key);
      }
      return found;
    };
    expect((await looseKeys()).length).toBeGreaterThanOrEqual(killed.unpack_next);

    // What was recorded is not done again: a key that is gone now stays gone.
    const [first] = await looseKeys();
    await objects.delete([first!]);
    // The claim of the dead node lasts two minutes.
    await db.sql`UPDATE packs SET unpack_locked_at = now() - interval '3 minutes' WHERE repo_id = ${repoId}`;
    node = await ServerProcess.start({ env: deployment.env, port: node.port });
    for (const end = Date.now() + UNPACK_MS; !(await progress()).done; await sleep(20)) {
      expect((await progress()).unpack_next).toBeGreaterThanOrEqual(killed.unpack_next);
      expect(Date.now(), 'unpacked in time').toBeLessThan(end);
    }

    const keys = await looseKeys();
    expect(keys).not.toContain(first);
    const bare = agent.sandbox.path('copied');
    await agent.git(['init', '-q', '--bare', bare]);
    await forEachParallel(keys, 16, async (key) => {
      const path = join(bare, key.slice(repoId.length + 1));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, (await objects.get(key))!);
    });
    await objects.close();
    const list = (dir: string) =>
      agent.git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype) %(objectsize)'], {
        cwd: dir,
      });
    const gone = first!.slice(-41).replace('/', '');
    const expected = (await list(source)).stdout.split('\n').filter((line) => !line.startsWith(gone));
    expect((await list(bare)).stdout.split('\n')).toEqual(expected);
  } finally {
    await db.close();
    agent.dispose();
    await node.stop();
    await deployment.stop();
  }
}, 240_000);
