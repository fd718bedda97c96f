/** The requests that do not go through the SDK, next to those that do; and what the client has to do for both. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.js';
import { createTestBucket, type TestBucket } from '../../../test/support/s3.js';
import type { S3Config } from '../../config.js';
import { connect } from './client.js';
import { createS3Store } from './store.js';
import { resolveTarget } from './target.js';

const OPTIONS = { contentType: 'text/plain', metadata: { 'x-git-object-type': 'blob', 'x-git-object-size': '3' } };

const config: S3Config = {
  bucket: 'bucket',
  endpoint: undefined,
  region: 'eu-central-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'testtest' },
  pathStyle: false,
  autoCreateBucket: false,
  maxRetries: 3,
  retryMaxBackoffSecs: 30,
  slowOperationMs: 60_000,
};

describe('where a key goes', () => {
  const target = async (change: Partial<S3Config>) => {
    const { client } = connect({ ...config, ...change });
    const { bucket } = { ...config, ...change };
    return resolveTarget(client, bucket).finally(() => client.destroy());
  };

  it.each([
    [{}, 'https://bucket.s3.eu-central-1.amazonaws.com/'],
    [{ region: 'us-east-1' }, 'https://bucket.s3.us-east-1.amazonaws.com/'],
    [{ pathStyle: true }, 'https://s3.eu-central-1.amazonaws.com/bucket/'],
    [{ bucket: 'with.dots' }, 'https://s3.eu-central-1.amazonaws.com/with.dots/'],
    [{ region: 'cn-north-1' }, 'https://bucket.s3.cn-north-1.amazonaws.com.cn/'],
    [{ endpoint: 'https://minio.example:9000' }, 'https://bucket.minio.example:9000/'],
    [{ endpoint: 'https://minio.example/s3', pathStyle: true }, 'https://minio.example/s3/bucket/'],
    [{ endpoint: 'http://127.0.0.1:9000' }, 'http://127.0.0.1:9000/bucket/'],
  ] satisfies [Partial<S3Config>, string][])('%o: %s', async (change, url) => {
    const { protocol, hostname, port, host, prefix, region } = (await target(change))!;
    expect(`${protocol}//${host}${prefix}`).toBe(url);
    expect(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${prefix}`).toBe(url);
    expect(region).toBe({ ...config, ...change }.region);
  });

  it('is left to the SDK when it signs in another way', async () => {
    expect(await target({ bucket: 'express--euc1-az1--x-s3' })).toBeUndefined();
  });
});

describe('what is sent', () => {
  let server: Server;
  let seen: { line: string; headers: IncomingHttpHeaders; body: string }[];
  let endpoint: string;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    seen = [];
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  it.each(['r/objects/ab/cdef', "r/odd name+(1)!'*~%2F&=?#", 'r/x'])('is what the SDK sends, for %s', async (key) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-02-03T04:05:06.789Z') });
    const { client } = connect({ ...config, endpoint });
    const { contentType: ContentType, metadata: Metadata } = OPTIONS;
    await client.send(
      new PutObjectCommand({ Bucket: 'bucket', Key: key, Body: Buffer.from('abc'), ContentType, Metadata }),
    );
    client.destroy();
    const store = await createS3Store({ ...config, endpoint });
    await store.put(key, Buffer.from('abc'), OPTIONS);
    await store.close();
    const [theirs, ours] = seen;
    // The SDK also names the operation, for logs.
    expect(`${ours!.line}?x-id=PutObject`).toBe(theirs!.line);
    expect(ours!.body).toBe('abc');
    const names = ['host', 'content-type', 'content-length', 'x-amz-date', 'x-amz-content-sha256'];
    for (const name of [...names, 'x-amz-meta-x-git-object-type', 'x-amz-meta-x-git-object-size']) {
      expect(ours!.headers[name], name).toBe(theirs!.headers[name]);
    }
    const scope = /Credential=test\/20260203\/eu-central-1\/s3\/aws4_request/;
    expect(ours!.headers.authorization).toMatch(scope);
    expect(theirs!.headers.authorization).toMatch(scope);
  });

  it('carries the session token of the moment, from the chain of providers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gitclaw-credentials-'));
    const program = `import { appendFileSync, statSync } from 'node:fs';
      appendFileSync(${JSON.stringify(join(folder, 'calls'))}, '.');
      const calls = statSync(${JSON.stringify(join(folder, 'calls'))}).size;
      const Expiration = new Date(Date.now() + calls * 3_600_000).toISOString();
      const AccessKeyId = 'changing', SecretAccessKey = 'secret', SessionToken = 'token-' + calls;
      console.log(JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration }));`;
    await writeFile(join(folder, 'give.mjs'), program);
    const command = `"${process.execPath}" "${join(folder, 'give.mjs')}"`;
    await writeFile(join(folder, 'config'), `[default]\ncredential_process = ${command}\n`);
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'));
    const store = await createS3Store({ ...config, endpoint, credentials: undefined });
    await store.put('r/one', Buffer.from('1'), OPTIONS);
    await store.put('r/two', Buffer.from('2'), OPTIONS);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 4_000_000 });
    await store.put('r/three', Buffer.from('3'), OPTIONS);
    await store.close();
    await rm(folder, { recursive: true });
    const tokens = seen.map(({ headers }) => headers['x-amz-security-token']);
    expect(tokens).toEqual(['token-1', 'token-1', 'token-2']);
    for (const { headers } of seen) {
      expect(headers.authorization).toContain('Credential=changing/');
      expect(headers.authorization).toContain(';x-amz-security-token,');
    }
  });

  it('is nothing when there are no credentials', async () => {
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/none');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const store = await createS3Store({ ...config, endpoint, credentials: undefined });
    await expect(store.put('r/key', Buffer.from('x'), OPTIONS)).rejects.toMatchObject({ code: 'S3_ACCESS_DENIED' });
    await store.close();
    expect(seen).toEqual([]);
  });
});

describe('a clock that is wrong', () => {
  let bucket: TestBucket;
  let proxy: FaultProxy;

  beforeAll(async () => {
    bucket = await createTestBucket();
    proxy = await startFaultProxy(bucket.endpoint ?? '');
  });
  afterAll(async () => {
    await proxy.close();
    await bucket.drop();
  });

  it.each([-2, 2])('by %i hours is corrected by the first answer', async (hours) => {
    proxy.seen.length = 0;
    const store = await createS3Store({ ...bucket, endpoint: proxy.endpoint });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 });
    try {
      await store.put('r/one', Buffer.from('1'), OPTIONS);
      expect(proxy.seen).toHaveLength(2);
      await store.put('r/two', Buffer.from('2'), OPTIONS);
      expect(proxy.seen).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
    expect((await store.get('r/two'))?.toString()).toBe('2');
    await store.close();
  });
});
