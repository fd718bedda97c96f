/** A push of everything, and the wait until the node has stored every object loose. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../src/db/index.js';
import type { Deployment } from '../../test/support/deployment.js';
import type { Repository } from '../git/repositories.js';
import { cpuSeconds } from '../support/process-tree.js';
import { rawPush } from '../support/raw-client.js';
import type { Target } from '../support/target.js';
import type { Spent } from './sdk.js';

const LOOK_MS = 50;

/** Counts from the acknowledged push to the last object. @throws Error unless the bucket then holds them all */
export async function unpackByNode(deployment: Deployment, ours: Target, repo: Repository): Promise<Spent> {
  const url = await ours.empty('loose');
  const db = openDatabase({ url: deployment.env.DATABASE_URL!, maxConnections: 1 });
  try {
    await rawPush(url, 'refs/heads/main', repo.head, repo.pack, ours.pushHeaders(url));
    const [started, cpu] = [performance.now(), cpuSeconds(ours.pid)];
    const waiting = async () =>
      (
        await db.sql<{ repo_id: string; done: boolean }[]>`SELECT repo_id, unpacked_at IS NOT NULL AS done FROM packs`
      )[0]!;
    while (!(await waiting()).done) await sleep(LOOK_MS);
    const spent = { seconds: (performance.now() - started) / 1000, cpu: cpuSeconds(ours.pid) - cpu };
    await assertStored(deployment, (await waiting()).repo_id, repo.objects);
    return spent;
  } finally {
    await db.close();
  }
}

async function assertStored(deployment: Deployment, repoId: string, objects: number): Promise<void> {
  const store = await deployment.openObjects();
  let found = 0;
  for await (const { key } of store.list(`${repoId}/objects/`))
    if (/\/[0-9a-f]{2}\/[0-9a-f]{38}$/.test(key)) found += 1;
  await store.close();
  if (found !== objects) throw new Error(`${found} loose objects in the bucket, not ${objects}`);
}
