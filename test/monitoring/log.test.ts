import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_ENV, PASSWORD } from '../support/admin.js';
import { TestAgent } from '../support/agent.js';
import { s3Env } from '../support/deployment.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { send, sign, signedRequest } from '../support/http.js';
import { ServerProcess } from '../support/node.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestBucket, type TestBucket } from '../support/s3.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** In the address of the database, percent-encoded; the test's Postgres trusts whoever comes. */
const DATABASE_PASSWORD = 'pass/word of the database';

let database: TestDatabase;
let bucket: TestBucket;
let postgres: TcpProxy;
let s3: FaultProxy;
let hook: Server;
let dataDir: string;
let node: ServerProcess;
let agent: TestAgent;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-log-'));
  [database, bucket] = await Promise.all([createTestDatabase({ empty: true }), createTestBucket()]);
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  await database.db.sql.unsafe(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${DATABASE_PASSWORD}'`);
  const address = new URL(database.url);
  postgres = await startTcpProxy({ host: address.hostname, port: Number(address.port) });
  Object.assign(address, {
    port: String(postgres.port),
    username: role,
    password: encodeURIComponent(DATABASE_PASSWORD),
  });
  s3 = await startFaultProxy(bucket.endpoint!);
  hook = createServer((_, answer) => answer.writeHead(500).end());
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  node = await ServerProcess.start({
    env: {
      ...ADMIN_ENV,
      ...s3Env(bucket),
      ...{ S3_ENDPOINT: s3.endpoint, S3_MAX_RETRIES: '0', DATABASE_URL: address.href, GITCLAW_DATA_DIR: dataDir },
      ...{ LOG_LEVEL: 'trace', WEBHOOK_ALLOW_PRIVATE: 'true', CI_ENABLED: 'false' },
    },
  });
  agent = await TestAgent.setup(node.url, 'chatty');
});

afterAll(async () => {
  postgres?.open();
  await node?.stop();
  agent?.dispose();
  hook?.close();
  await Promise.all([postgres?.close(), s3?.close()]);
  await Promise.all([database?.drop(), bucket?.drop()]);
  await rm(dataDir, { recursive: true, force: true });
});

/** Every line of JSON so far; other lines are for people. */
const lines = (): Record<string, unknown>[] =>
  node.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
const requests = () => lines().filter(({ msg }) => String(msg).startsWith('request'));
const metric = async (name: string) => {
  const { text } = await send(node.url, '/metrics');
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? Number.NaN,
  );
};

describe('the log of a node', () => {
  test('has one line for each git request: who, which repository, what, how much, how long', async () => {
    const { repoId, cloneUrl } = await agent.createRepo('told');
    const { dir } = await agent.sandbox.seedHistory({ seed: 61, commits: 12 });
    await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
    const count = Number((await agent.git(['rev-list', '--objects', '--count', 'main'], { cwd: dir })).stdout);
    await agent.git(['clone', '-q', cloneUrl, agent.sandbox.path('copy')]);
    await agent.git(['commit', '-q', '--allow-empty', '-m', 'more'], { cwd: dir });
    await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
    await agent.git(['pull', '-q'], { cwd: agent.sandbox.path('copy') });
    const refused = await agent.git(['push', '-q', cloneUrl, 'main:refs/pull/9/head'], { cwd: dir, ok: false });
    expect(refused.code).not.toBe(0);
    const told = () => requests().filter(({ operation }) => ['push', 'clone', 'fetch'].includes(String(operation)));
    await expect.poll(() => told().length).toBe(5);
    expect(told().slice(0, 4)).toMatchObject([
      { operation: 'push', objects: count },
      { operation: 'clone', objects: count },
      { operation: 'push', objects: 1 },
      { operation: 'fetch', objects: 1 },
    ]);
    expect(told()[4]).toMatchObject({ operation: 'push', repository: repoId, agent: agent.agentId, status: 200 });
    // The pack of a push that is refused by its commands alone is not opened.
    expect(told()[4]).not.toHaveProperty('objects');
    for (const line of told().filter(({ operation, objects }) => operation === 'push' && objects !== undefined)) {
      expect(Object.keys(line).sort()).toEqual(
        [
          'agent',
          'bytesIn',
          'bytesOut',
          'hostname',
          'level',
          'method',
          'ms',
          'msg',
          'objects',
          'operation',
          'pid',
        ].concat(['repository', 'requestId', 'route', 'status', 'time']),
      );
      expect(line).toMatchObject({ repository: repoId, agent: agent.agentId, status: 200, ms: expect.any(Number) });
    }
    const [push, clone] = told();
    expect(Number(push?.bytesIn)).toBeGreaterThan(Number(push?.bytesOut));
    expect(Number(clone?.bytesOut)).toBeGreaterThan(Number(clone?.bytesIn));
    expect(await metric('git_requests_total{operation="push",outcome="ok"}')).toBe(2);
    expect(await metric('git_requests_total{operation="push",outcome="refused"}')).toBe(1);
    expect(await metric('git_objects_total{operation="push"}')).toBe(count + 1);
    expect(await metric('git_objects_total{operation="clone"}')).toBe(count);
    expect(await metric('git_bytes_total{operation="clone",direction="out"}')).toBe(clone?.bytesOut);
    expect(await metric('git_requests_total{operation="fetch",outcome="ok"}')).toBe(1);
  });

  test('names the operation and the repository of API requests', async () => {
    const { repoId } = await agent.createRepo('named');
    await send(node.url, `/v1/repos/${repoId}/branches`);
    await send(node.url, `/v1/repos/chatty/named`);
    await send(node.url, '/v1/repos/%22%0A/branches');
    await expect
      .poll(() => requests().slice(-3))
      .toMatchObject([
        { operation: 'listBranches', repository: repoId, status: 200 },
        { operation: 'getRepoByName', repository: 'chatty/named', status: 200 },
        { operation: 'listBranches', status: 404 },
      ]);
    expect(requests().at(-1)).not.toHaveProperty('repository');
    expect(requests().find(({ operation }) => operation === 'createRepo')).toMatchObject({ agent: agent.agentId });
  });

  test('never has a secret, whatever is asked and whatever fails', async () => {
    const secrets = [DATABASE_PASSWORD, encodeURIComponent(DATABASE_PASSWORD), PASSWORD, ADMIN_ENV.ADMIN_PASSWORD_HASH];
    secrets.push(bucket.credentials!.secretAccessKey);
    const { repoId, cloneUrl } = await agent.createRepo('guarded', 'private');
    const path = `/v1/repos/${repoId}`;
    // Every carrier of a signature, right and wrong.
    for (const form of ['nested', 'flat', 'headers', 'query'] as const) {
      for (const action of ['repo_get', 'something_else']) {
        const { query, ...sent } = sign(agent, { action, form, body: { repoId }, fields: {} });
        const carried = { ...(sent.headers ?? {}), ...((sent.body ?? {}) as Record<string, string>) };
        secrets.push(...[carried.signature, carried['x-signature']].filter((text) => text !== undefined));
        secrets.push(...new URLSearchParams(query).getAll('signature'));
        await send(node.url, `${path}${query}`, { method: 'GET', ...sent });
      }
    }
    for (const authorization of [
      'Basic YWxpY2U6c2VjcmV0LXBhc3M=',
      'GitClaw gct1.eyJhIjoxfQ.c2ln',
      'Bearer t0p-s3cret-bearer',
    ]) {
      secrets.push(authorization.split(' ')[1]!);
      await send(node.url, path, { headers: { authorization } });
      await send(node.url, `${path}/info/refs?service=git-upload-pack`, { headers: { authorization } });
      await send(node.url, '/api/admin/stats', { headers: { authorization } });
    }
    // An operator, right and wrong.
    const login = { username: ADMIN_ENV.ADMIN_USERNAME, password: PASSWORD };
    const session = await send(node.url, '/admin/login', { method: 'POST', body: login });
    secrets.push(session.json.data.token, 'wrong-password-of-root');
    await send(node.url, '/admin/login', { method: 'POST', body: { ...login, password: 'wrong-password-of-root' } });
    const headers = { authorization: `Bearer ${session.json.data.token}` };
    expect((await send(node.url, '/api/admin/stats', { headers })).status).toBe(200);
    // A webhook whose receiver fails, and pushes that lead to it.
    const { port } = hook.address() as AddressInfo;
    const url = `http://user:hook-pass-word@127.0.0.1:${port}/?token=hook-token`;
    const body = { url, events: ['push'] };
    const made = await signedRequest(node, agent, 'POST', `${path}/webhooks`, { action: 'webhook_create', body });
    if (made.status === 201) secrets.push(made.json.data.secret);
    const plain = { url: `http://127.0.0.1:${port}/x`, events: ['push'] };
    const hooked = await signedRequest(node, agent, 'POST', `${path}/webhooks`, {
      action: 'webhook_create',
      body: plain,
    });
    expect(hooked.status).toBe(201);
    secrets.push(hooked.json.data.secret, 'hook-pass-word', 'hook-token');
    const { dir } = await agent.sandbox.seedHistory({ seed: 62, commits: 3 });
    await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
    const failed = async () => (await metric('webhook_deliveries_total{outcome="retried"}')) > 0;
    await expect.poll(failed, { timeout: 20_000 }).toBe(true);
    // Object store and database fail, in the middle of work that carries secrets.
    await agent.git(['commit', '-q', '--allow-empty', '-m', 'more'], { cwd: dir });
    s3.decide = () => ({ kind: 'answer', status: 403, body: '' });
    expect((await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir, ok: false })).code).not.toBe(0);
    s3.decide = () => undefined;
    postgres.cut();
    for (const form of ['nested', 'headers'] as const) {
      const { query, ...sent } = sign(agent, { action: 'repo_get', form, body: { repoId }, fields: {} });
      expect((await send(node.url, `${path}${query}`, sent)).status).toBe(500);
    }
    await send(node.url, '/admin/login', { method: 'POST', body: login });
    postgres.open();
    const rotated = `rotated-${randomUUID()}`;
    await database.db.sql.unsafe(`ALTER TABLE webhooks RENAME COLUMN secret TO hidden`);
    const broken = { ...plain, url: `${plain.url}?${rotated}` };
    await expect.poll(async () => (await send(node.url, '/health')).status, { timeout: 20_000 }).toBe(200);
    expect(
      (await signedRequest(node, agent, 'POST', `${path}/webhooks`, { action: 'webhook_create', body: broken })).status,
    ).toBe(500);
    await database.db.sql.unsafe(`ALTER TABLE webhooks RENAME COLUMN hidden TO secret`);

    const output = node.output;
    expect(lines().some(({ msg }) => msg === 'request failed')).toBe(true);
    for (const secret of secrets) expect(output.includes(secret), `${secret} is in the log`).toBe(false);
    expect(output).not.toMatch(/gct1\.[\w-]|whsec_[\w-]|PRIVATE KEY/);
  });
});
