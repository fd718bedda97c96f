import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate, revertLast } from '../../src/db/index.js';
import { s3Env } from '../support/deployment.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { ServerProcess } from '../support/node.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestBucket, type TestBucket } from '../support/s3.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const healthy = { status: 'healthy', service: 'gitclaw' };
const ready = { status: 'ready', service: 'gitclaw' };
const alive = { status: 'alive', service: 'gitclaw' };

describe('health of a node whose parts go away', () => {
  let database: TestDatabase;
  let bucket: TestBucket;
  let postgres: TcpProxy;
  let s3: FaultProxy;
  let dataDir: string;
  let node: ServerProcess;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-health-'));
    [database, bucket] = await Promise.all([createTestDatabase({ empty: true }), createTestBucket()]);
    const address = new URL(database.url);
    postgres = await startTcpProxy({ host: address.hostname, port: Number(address.port) });
    address.port = String(postgres.port);
    s3 = await startFaultProxy(bucket.endpoint!);
    node = await ServerProcess.start({
      env: {
        ...s3Env(bucket),
        S3_ENDPOINT: s3.endpoint,
        S3_MAX_RETRIES: '0',
        DATABASE_URL: address.href,
        GITCLAW_DATA_DIR: dataDir,
      },
    });
  });

  afterAll(async () => {
    postgres?.open();
    await node?.stop();
    await Promise.all([postgres?.close(), s3?.close()]);
    await Promise.all([database?.drop(), bucket?.drop()]);
    await rm(dataDir, { recursive: true, force: true });
  });

  const ask = async (path: string) => {
    const answer = await fetch(`${node.url}${path}`);
    return [answer.status, await answer.json()];
  };
  const all = async () => [await ask('/health'), await ask('/health/live'), await ask('/health/ready')];
  const isWell = [
    [200, healthy],
    [200, alive],
    [200, ready],
  ];
  const lacks = (health: string[], readiness: string[]) => [
    [503, { ...healthy, status: 'unhealthy', failing: health }],
    [200, alive],
    [503, { ...ready, status: 'not_ready', failing: readiness }],
  ];

  test('all is well', async () => {
    expect(await all()).toEqual(isWell);
  });

  test('without Postgres', async () => {
    postgres.cut();
    expect(await all()).toEqual(lacks(['database'], ['database', 'migrations']));
    postgres.open();
    await expect.poll(all, { timeout: 20_000 }).toEqual(isWell);
  });

  test('without S3, refused or silent', async () => {
    s3.decide = () => ({ kind: 'reset' });
    expect(await all()).toEqual(lacks(['object_storage'], ['object_storage']));
    s3.decide = () => ({ kind: 'answer', status: 403, body: '' });
    expect(await all()).toEqual(lacks(['object_storage'], ['object_storage']));
    s3.decide = () => undefined;
    expect(await all()).toEqual(isWell);
  });

  test('a database with another schema makes a node healthy and not ready', async () => {
    await revertLast(database.url);
    expect(await ask('/health')).toEqual([200, healthy]);
    expect(await ask('/health/ready')).toEqual([503, { ...ready, status: 'not_ready', failing: ['migrations'] }]);
    await migrate(database.url);
    expect(await all()).toEqual(isWell);
  });
});

describe('a node that is told to stop', () => {
  let dataDir: string;
  let node: ServerProcess | undefined;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-drain-'));
  });
  afterAll(async () => {
    await node?.stop('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
  });

  test('says that it is not ready while it still serves, if anybody asks', async () => {
    node = await ServerProcess.start({ env: { GITCLAW_DATA_DIR: dataDir, SHUTDOWN_DELAY_SECS: '5' } });
    const { url } = node;
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const ended = node.stop('SIGTERM');
    const readiness = async () => (await fetch(`${url}/health/ready`)).json();
    await expect.poll(readiness).toEqual({ ...ready, status: 'not_ready', failing: ['draining'] });
    expect(await (await fetch(`${url}/health`)).json()).toEqual(healthy);
    expect((await fetch(`${url}/v1/repos/trending`)).status).toBe(200);
    expect(await ended).toBe(0);
    await expect(readiness()).rejects.toThrow();
  });
});
