/** What a worker tells of itself: on the port that was named, and nothing that only a server may serve. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3Env } from '../support/deployment.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestBucket, type TestBucket } from '../support/s3.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { WorkerProcess } from '../support/worker.js';

let database: TestDatabase;
let bucket: TestBucket;
let postgres: TcpProxy;
let dataDir: string;
let env: Record<string, string>;
let worker: WorkerProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-worker-'));
  [database, bucket] = await Promise.all([createTestDatabase(), createTestBucket()]);
  const address = new URL(database.url);
  postgres = await startTcpProxy({ host: address.hostname, port: Number(address.port) });
  address.port = String(postgres.port);
  env = {
    ...s3Env(bucket),
    DATABASE_URL: address.href,
    GITCLAW_DATA_DIR: dataDir,
    CI_ENABLED: 'false',
    WORKER_PORT: '0',
  };
  worker = await WorkerProcess.start(env);
});

afterAll(async () => {
  postgres?.open();
  await worker?.stop();
  await postgres?.close();
  await Promise.all([database?.drop(), bucket?.drop()]);
  await rm(dataDir, { recursive: true, force: true });
});

const ask = async (path: string): Promise<[number, unknown]> => {
  const answer = await fetch(`${worker.url}${path}`);
  return [answer.status, await answer.json()];
};
const metrics = async () => (await fetch(`${worker.url}/metrics`)).text();

test('it is healthy, alive and ready, and tells what it has done', async () => {
  expect(await ask('/health')).toEqual([200, { status: 'healthy', service: 'gitclaw' }]);
  expect(await ask('/health/live')).toEqual([200, { status: 'alive', service: 'gitclaw' }]);
  expect(await ask('/health/ready')).toEqual([200, { status: 'ready', service: 'gitclaw' }]);
  // Storage of a repository that is gone, so that there is something to do.
  await database.db.sql`INSERT INTO staged_packs (repo_id, hash, started_at) VALUES ('gone', 'remove', 'epoch')`;
  const done = [
    /^job_runs_total\{name="compaction",outcome="ok"\} [1-9]/m,
    /^s3_request_total\{operation="delete_repository_objects"\} [1-9]/m,
    /^outbox_lag_seconds \d/m,
    /^db_pool_connections\{state="max"\} 9$/m,
    /^ci_runs_ended_total\{status="passed"\} 0$/m,
    /^http_requests_total\{method="GET",route="\/health\/ready",status="200"\} [1-9]/m,
  ];
  for (const line of done) await expect.poll(metrics, { timeout: 20_000 }).toMatch(line);
});

test('it serves nothing else', async () => {
  for (const path of ['/v1/repos', '/openapi.json', '/admin/', '/a/b.git/info/refs?service=git-upload-pack'])
    expect(await ask(path), path).toEqual([
      404,
      expect.objectContaining({ error: expect.objectContaining({ code: 'NOT_FOUND' }) }),
    ]);
  const posted = await fetch(`${worker.url}/health`, { method: 'POST' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
});

test('METRICS_ENABLED=false hides its measurements as those of a server', async () => {
  const silent = await WorkerProcess.start({
    ...env,
    METRICS_ENABLED: 'false',
    GITCLAW_DATA_DIR: join(dataDir, 'silent'),
  });
  expect((await fetch(`${silent.url}/metrics`)).status).toBe(404);
  expect((await fetch(`${silent.url}/health`)).status).toBe(200);
  expect(await silent.stop()).toBe(0);
});

test('without Postgres it lives on, is not ready, and says why', async () => {
  postgres.cut();
  const failing = ['database', 'migrations'];
  expect(await ask('/health/ready')).toEqual([503, { status: 'not_ready', service: 'gitclaw', failing }]);
  expect((await ask('/health/live'))[0]).toBe(200);
  expect(await metrics()).toContain('job_runs_total');
  postgres.open();
  await expect.poll(async () => (await ask('/health/ready'))[0], { timeout: 20_000 }).toBe(200);
});

test('a port that is taken is one clear error, and nothing is left running', async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? String(address.port) : '';
  const taken = WorkerProcess.start({ ...env, WORKER_PORT: port, GITCLAW_DATA_DIR: join(dataDir, 'taken') });
  await expect(taken).rejects.toThrow(
    new RegExp(
      `^the worker ended with [1-9]\\n.*WORKER_PORT ${port} on 127\\.0\\.0\\.1 is in use by another program\\nhint: .*\\n$`,
    ),
  );
  other.close();
});

test('several workers of one machine do not meet unless a port is named', async () => {
  const { WORKER_PORT, ...silent } = env;
  const workers = await Promise.all(
    ['one', 'two'].map((name) => WorkerProcess.start({ ...silent, GITCLAW_DATA_DIR: join(dataDir, name) })),
  );
  expect(workers.map(({ url }) => url)).toEqual(['', '']);
  expect(await Promise.all(workers.map((one) => one.stop()))).toEqual([0, 0]);
});
