import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newAgent, send, signedRequest, startTestApp, type TestApp } from '../../test/support/http.js';
import type { AppContext } from '../context.js';
import { openDatabase } from '../db/index.js';
import { AppError } from '../errors.js';
import { generateKey } from '../signing/index.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const JSON_TYPE = 'application/json; charset=utf-8';

/** Sends raw bytes and reads until the server closes the connection. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('service routes', () => {
  it.each(['/health', '/v1/health'])('%s is bare and fresh', async (path) => {
    const answer = await send(app.url, path);
    expect([answer.status, answer.json]).toEqual([200, { status: 'healthy', service: 'gitclaw' }]);
    expect(answer.headers).toMatchObject({ 'content-type': JSON_TYPE, 'cache-control': 'no-store' });
  });

  it('counts requests by route pattern and logs one line each, without secrets', async () => {
    const agent = await newAgent(app);
    const before = app.logs.length;
    const signing = { action: 'repo_list', form: 'query' as const };
    await signedRequest(app, agent, 'GET', '/v1/repos', signing);
    await send(app.url, `/v1/agents/${randomUUID()}`, { headers: { authorization: 'GitClaw s3cr3t' } });
    await send(app.url, '/nowhere/at/all/ever');
    await expect.poll(() => app.logs.length).toBe(before + 3);
    const lines = app.logs.slice(before);
    expect(lines).toMatchObject([
      { method: 'GET', route: '/v1/repos', status: 200, agent: agent.agentId, requestId: expect.stringMatching(UUID) },
      { method: 'GET', route: '/v1/agents/:agentId', status: 404, ms: expect.any(Number) },
      { method: 'GET', route: 'unmatched', status: 404 },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/signature|s3cr3t|nonce/);
    const { text, headers } = await send(app.url, '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toContain('http_requests_total{method="GET",route="/v1/agents/:agentId",status="404"} 1');
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="unmatched",status="404"} 1');
  });

  it('hides the metrics when they are off', async () => {
    const other = await startTestApp({}, { METRICS_ENABLED: 'false' });
    const answer = await send(other.url, '/metrics');
    expect([answer.status, answer.json.error.code]).toEqual([404, 'NOT_FOUND']);
    await other.close();
  });
});

describe('envelopes and headers', () => {
  it('reuses a UUID as request id and invents one otherwise', async () => {
    const id = randomUUID();
    const answer = await send(app.url, '/v1/agents', { headers: { 'x-request-id': id } });
    expect([answer.headers['x-request-id'], answer.json.meta]).toEqual([id, { requestId: id }]);
    const other = await send(app.url, '/v1/agents/none', { headers: { 'x-request-id': 'req-1' } });
    expect(other.json.meta.requestId).toMatch(UUID);
    expect(other.headers['x-request-id']).toBe(other.json.meta.requestId);
    expect((await send(app.url, '/health')).headers['x-request-id']).toMatch(UUID);
  });

  it('wraps 404 and leaves empty details out', async () => {
    const answer = await send(app.url, '/v1/nothing', { method: 'POST', body: '{' });
    expect([answer.status, answer.json]).toEqual([
      404,
      {
        error: { code: 'NOT_FOUND', message: expect.any(String) },
        meta: { requestId: answer.headers['x-request-id'] },
      },
    ]);
    expect(answer.headers).toMatchObject({ 'content-type': JSON_TYPE, 'cache-control': 'no-store' });
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });

  it.each([
    ['PUT', '/v1/agents/register', 'GET, POST'],
    ['PATCH', '/v1/repos', 'GET, POST'],
    ['DELETE', '/health', 'GET'],
    ['POST', `/v1/repos/${randomUUID()}/audit`, 'GET'],
    ['OPTIONS', '/v1/agents', 'GET, POST'],
  ])('answers 405 to %s %s with Allow: %s', async (method, path, allow) => {
    const answer = await send(app.url, path, { method });
    expect([answer.status, answer.json.error.code, answer.headers.allow]).toEqual([405, 'METHOD_NOT_ALLOWED', allow]);
  });

  it('answers HEAD like GET, without a body', async () => {
    const answer = await send(app.url, '/v1/agents', { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });

  it('tells git in plain text', async () => {
    const answer = await send(app.url, '/v1/nothing', { headers: { 'user-agent': 'git/2.39.5' } });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.text).toBe('There is nothing at this address.\n');
  });
});

describe('bodies', () => {
  const register = (body: string | Buffer, headers = {}) =>
    send(app.url, '/v1/agents/register', { method: 'POST', body, headers });

  it('reads GET without a body but with a JSON content type', async () => {
    expect((await send(app.url, '/v1/agents')).status).toBe(200);
  });

  it.each([
    ['malformed', '{"agentName":'],
    ['empty', ''],
    ['an array', '[]'],
    ['a repeated key', '{"agentName":"a","agentName":"b","publicKey":"x"}'],
    ['a nested repeated key', '{"agentName":"a","publicKey":"x","capabilities":[{"a":1,"\\u0061":2}]}'],
    ['__proto__', '{"__proto__":{}}'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['too deep', '['.repeat(100_000)],
  ])('answers 400 VALIDATION_ERROR to a body that is %s', async (_, body) => {
    const answer = await register(body);
    expect([answer.status, answer.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('refuses more than 2 MiB with 413, announced or chunked', async () => {
    const huge = Buffer.alloc(2 * 1024 * 1024 + 1, 0x20);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await register(huge, headers);
      expect([answer.status, answer.json.error.code]).toEqual([413, 'VALIDATION_ERROR']);
      expect(answer.json.error.details).toEqual({ maxBytes: 2 * 1024 * 1024 });
    }
    const { publicKey } = generateKey();
    const fits = JSON.stringify({ agentName: `a-${randomUUID()}`, publicKey }).padEnd(2 * 1024 * 1024, ' ');
    expect((await register(fits)).status).toBe(201);
  });

  it('answers what is not HTTP with 400 and stays up', async () => {
    expect(await raw(app.url, 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*VALIDATION_ERROR/,
    );
    expect(await raw(app.url, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(app.url, 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect((await send(app.url, '/health')).status).toBe(200);
  });
});

describe('faults', () => {
  let broken: TestApp;
  afterEach(() => broken.close());
  const startBroken = async (db: Partial<AppContext['db']>) => {
    broken = await startTestApp({ db: db as AppContext['db'] });
  };

  it('a dead database is DATABASE_ERROR and unhealthy, and tells nothing else', async () => {
    await startBroken(openDatabase({ url: 'postgres://user:hunter2@127.0.0.1:1/none', maxConnections: 1 }));
    const answer = await send(broken.url, `/v1/agents/${randomUUID()}`);
    expect([answer.status, answer.json.error]).toEqual([
      500,
      { code: 'DATABASE_ERROR', message: 'The database could not answer.' },
    ]);
    const health = await send(broken.url, '/health');
    expect([health.status, health.json.status]).toEqual([503, 'unhealthy']);
    const logged = broken.logs.find((line) => line.msg === 'request failed');
    expect(logged).toMatchObject({ code: 'DATABASE_ERROR', route: '/v1/agents/:agentId', level: 50 });
    expect(JSON.stringify(broken.logs)).not.toContain('hunter2');
  });

  it('a bug is INTERNAL_ERROR; its words are logged, not sent', async () => {
    await startBroken({
      get sql(): never {
        throw new TypeError('SELECT secret FROM /home/me');
      },
    });
    const answer = await send(broken.url, `/v1/agents/${randomUUID()}`);
    expect(answer.status).toBe(500);
    expect(answer.json.error).toEqual({ code: 'INTERNAL_ERROR', message: 'Something went wrong on the server.' });
    expect(JSON.stringify(broken.logs)).toContain('SELECT secret');
  });

  it('carries Retry-After as whole seconds, at least one', async () => {
    await startBroken({
      get sql(): never {
        throw new AppError('S3_RATE_LIMITED', { retryAfter: 0.2 });
      },
    });
    const answer = await send(broken.url, `/v1/agents/${randomUUID()}`);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  });
});
