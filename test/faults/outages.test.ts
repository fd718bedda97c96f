import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { s3Env } from '../support/deployment.js';
import { type FaultProxy, s3Error, startFaultProxy } from '../support/fault-proxy.js';
import { ServerProcess } from '../support/node.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestBucket, type TestBucket } from '../support/s3.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

describe('parts that go away during a push', () => {
  let database: TestDatabase;
  let bucket: TestBucket;
  let postgres: TcpProxy;
  let s3: FaultProxy;
  let dataDir: string;
  let node: ServerProcess;
  let agent: TestAgent;
  let url: string;
  let work: string;
  let acknowledged: string;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-outage-'));
    [database, bucket] = await Promise.all([createTestDatabase({ empty: true }), createTestBucket()]);
    const address = new URL(database.url);
    postgres = await startTcpProxy({ host: address.hostname, port: Number(address.port) });
    address.port = String(postgres.port);
    s3 = await startFaultProxy(bucket.endpoint!);
    node = await ServerProcess.start({
      env: {
        ...s3Env(bucket),
        S3_ENDPOINT: s3.endpoint,
        S3_RETRY_MAX_BACKOFF: '1',
        DATABASE_URL: address.href,
        GITCLAW_DATA_DIR: dataDir,
      },
    });
    agent = await TestAgent.setup(node.url, 'patient');
    url = (await agent.createRepo('steady')).cloneUrl;
    work = agent.sandbox.path('work');
    await agent.sandbox.seedHistory({ dir: work, seed: 51, commits: 30 });
    await agent.git(['push', '-q', url, 'main'], { cwd: work });
    acknowledged = await head();
  });

  afterAll(async () => {
    postgres?.open();
    await node?.stop();
    agent?.dispose();
    await Promise.all([postgres?.close(), s3?.close()]);
    await Promise.all([database?.drop(), bucket?.drop()]);
    await rm(dataDir, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await agent.git(['commit', '-q', '--allow-empty', '-m', 'next'], { cwd: work });
  });

  const head = async () => (await agent.git(['rev-parse', 'main'], { cwd: work })).stdout.trim();
  const remote = async () => (await agent.remoteRefs(url)).get('refs/heads/main');
  const push = () => agent.git(['push', url, 'main'], { cwd: work, ok: false });

  /** After the outage: the old state is whole, nothing lies around, and the same push goes through. */
  const recovers = async () => {
    expect(await remote()).toBe(acknowledged);
    expect((await readdir(join(dataDir, 'spool'))).length, 'one folder of the running node').toBe(1);
    const again = await push();
    expect(again.stderr).toContain('main -> main');
    acknowledged = await head();
    expect(await remote()).toBe(acknowledged);
    const copy = agent.sandbox.path(`copy-${acknowledged}`);
    await agent.git(['clone', '-q', url, copy]);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
  };

  test('S3 refuses: the client reads why, nothing is visible, a retry succeeds', async () => {
    s3.decide = (method) => (method === 'PUT' ? s3Error(403, 'AccessDenied') : undefined);
    const refused = await push();
    s3.decide = () => undefined;
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('S3_ACCESS_DENIED');
    await recovers();
  });

  test('S3 drops its connections for good: the client reads why', async () => {
    s3.decide = (method) => (method === 'PUT' ? { kind: 'reset' } : undefined);
    const refused = await push();
    s3.decide = () => undefined;
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/S3_(CONNECTION_ERROR|UPLOAD_FAILED)/);
    await recovers();
  });

  test('S3 stumbles: the push succeeds at once', async () => {
    let left = 2;
    s3.decide = (method) => (method === 'PUT' && left-- > 0 ? s3Error(503, 'SlowDown') : undefined);
    const accepted = await push();
    s3.decide = () => undefined;
    expect(accepted.code).toBe(0);
    expect(left).toBeLessThan(0);
    acknowledged = await head();
    expect(await remote()).toBe(acknowledged);
  });

  test('Postgres goes away while objects are stored: an error, nothing visible, a retry succeeds', async () => {
    // Packs are also stored by a merge that may follow an earlier push; a loose object comes from this one.
    s3.decide = (method, path) => {
      if (method === 'PUT' && /\/objects\/[0-9a-f]{2}\//.test(path)) postgres.cut();
      return undefined;
    };
    const refused = await push();
    s3.decide = () => undefined;
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('DATABASE_ERROR');
    expect((await fetch(`${node.url}/health`)).status).toBe(503);
    postgres.open();
    await expect.poll(async () => (await fetch(`${node.url}/health`)).status, { timeout: 20_000 }).toBe(200);
    await recovers();
  });
});
