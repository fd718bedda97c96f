/** A node on a Postgres and an S3 server of its own, outside of a test run. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/index.js';
import { openObjectStore } from '../../src/storage/index.js';
import { type Deployment, s3Env } from '../../test/support/deployment.js';
import { ServerProcess } from '../../test/support/node.js';
import { createTestBucket } from '../../test/support/s3.js';
import { S3_RUN_VARIABLE } from '../../test/support/s3-server.js';
import { setup } from '../../test/support/s3-setup.js';

/** Processor time and memory of the node alone: its database and its object store are other process trees. */
export async function startS3Node(env: Record<string, string>): Promise<Deployment> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-bench-'));
  const stopS3 = setup();
  const bucket = await createTestBucket();
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), log: { debug() {}, warn() {} } });
  // As to a Postgres on another machine.
  const url = new URL(postgres.url);
  url.searchParams.delete('host');
  const all = { ...env, ...s3Env(bucket), DATABASE_URL: url.href, GITCLAW_DATA_DIR: join(folder, 'node') };
  const node = await ServerProcess.start({ env: all });
  return {
    url: node.url,
    env: all,
    nodes: [node],
    openObjects: () => openObjectStore({ GITCLAW_DATA_DIR: folder, s3: bucket }),
    async stop() {
      await node.stop();
      await postgres.stop();
      stopS3();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Root of the process tree of the S3 server that {@link startS3Node} started. */
export function s3ServerPid(): number {
  const { folder } = JSON.parse(process.env[S3_RUN_VARIABLE] ?? '') as { folder: string };
  return Number(readFileSync(join(folder, 'groups'), 'utf8').trim().split('\n').at(-1));
}
