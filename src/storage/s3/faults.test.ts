/** What the S3 driver does when the service or the network fails; a real S3 server behind a proxy that misbehaves. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { DeleteBucketCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Fault, type FaultProxy, s3Error, startFaultProxy } from '../../../test/support/fault-proxy.js';
import { createTestBucket, plainClient, type TestBucket, testS3Config } from '../../../test/support/s3.js';
import type { S3Config } from '../../config.js';
import type { ObjectStore } from '../contract.js';
import { createS3Store } from './store.js';

const OPTIONS = { contentType: 'application/octet-stream' };
const MiB = 1024 * 1024;

let bucket: TestBucket;
let proxy: FaultProxy;
let scratch: string;
let store: ObjectStore;
let calls: string[];

const observer = {
  operation: (name: string, seconds: number, error?: string) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    calls.push(`${name} ${error ?? 'ok'}`);
  },
};

beforeAll(async () => {
  bucket = await createTestBucket();
  proxy = await startFaultProxy(bucket.endpoint ?? '');
  scratch = await mkdtemp(join(tmpdir(), 'gitclaw-faults-'));
});
afterAll(async () => {
  await proxy.close();
  await bucket.drop();
  await rm(scratch, { recursive: true, force: true });
});
beforeEach(async () => {
  calls = [];
  proxy.plan([]);
  store = await createS3Store({ ...bucket, endpoint: proxy.endpoint }, observer);
});
afterEach(() => store.close());

const times = (count: number, fault: Fault) => Array.from({ length: count }, () => fault);
const isGet = (method: string) => method === 'GET';

async function bytes(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('retries', () => {
  it.each([
    ['500', s3Error(500, 'InternalError')],
    ['502 of a gateway, not XML', { kind: 'answer', status: 502, body: '<html><body>Bad gateway' }],
    ['504 without a body', { kind: 'answer', status: 504, body: '' }],
    ['connection reset', { kind: 'reset' }],
    ['lost answer', { kind: 'lose-answer' }],
    ['400 RequestTimeout', s3Error(400, 'RequestTimeout')],
  ] satisfies [string, Fault][])('gets over three times %s', async (_name, fault) => {
    proxy.plan(times(3, fault));
    await store.put('r/key', Buffer.from('body'), OPTIONS);
    expect(proxy.seen).toHaveLength(4);
    proxy.plan(times(3, fault));
    expect((await store.get('r/key'))?.toString()).toBe('body');
    expect(proxy.seen).toHaveLength(4);
    expect(calls).toEqual(['put_object ok', 'get_object ok']);
  });

  it.each([
    [s3Error(500, 'InternalError'), 'S3_UPLOAD_FAILED', 'S3_DOWNLOAD_FAILED', 'OBJECT_STORAGE_ERROR'],
    [{ kind: 'reset' }, 'S3_CONNECTION_ERROR', 'S3_CONNECTION_ERROR', 'S3_CONNECTION_ERROR'],
  ] satisfies [Fault, string, string, string][])('gives up after the fourth %o', async (fault, write, read, other) => {
    proxy.plan(times(4, fault));
    await expect(store.put('r/key', Buffer.from('x'), OPTIONS)).rejects.toMatchObject({ code: write });
    expect(proxy.seen).toHaveLength(4);
    proxy.plan(times(4, fault));
    await expect(store.get('r/key')).rejects.toMatchObject({ code: read });
    proxy.plan(times(4, fault));
    await expect(store.head('r/key')).rejects.toMatchObject({ code: read });
    proxy.plan(times(4, fault));
    await expect(store.list('r/')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: other });
    proxy.plan(times(4, fault));
    await expect(store.delete(['r/key'])).rejects.toMatchObject({ code: other });
    proxy.plan(times(4, fault));
    await expect(store.deletePrefix('r/')).rejects.toMatchObject({ code: other });
    expect(proxy.seen).toHaveLength(4);
    expect(calls).toHaveLength(6);
    expect(calls.filter((call) => call.endsWith(' ok'))).toEqual([]);
  });

  it('waits longer from repeat to repeat', async () => {
    proxy.plan(times(3, s3Error(500, 'InternalError')));
    const start = performance.now();
    await store.get('r/none');
    const ms = performance.now() - start;
    expect(ms).toBeGreaterThan(690);
    expect(ms).toBeLessThan(3000);
  });

  it('slows every call down after SlowDown, and recovers', async () => {
    proxy.plan([s3Error(503, 'SlowDown')]);
    const start = performance.now();
    await store.put('r/slow', Buffer.from('body'), OPTIONS);
    expect(performance.now() - start).toBeGreaterThan(1990);
    const second = performance.now();
    await store.head('r/slow');
    expect(performance.now() - second).toBeGreaterThan(990);
    const third = performance.now();
    await store.head('r/slow');
    expect(performance.now() - third).toBeLessThan(990);
  });

  it.each([s3Error(503, 'SlowDown'), s3Error(503, 'ServiceUnavailable'), s3Error(429, 'TooManyRequests')])(
    'says %o with a time to come back',
    async (fault) => {
      const hasty = await createS3Store({ ...bucket, endpoint: proxy.endpoint, maxRetries: 0 }, observer);
      proxy.plan([fault]);
      const error = { code: 'S3_RATE_LIMITED', status: 503, retryAfter: 5 };
      await expect(hasty.put('r/key', Buffer.from('x'), OPTIONS)).rejects.toMatchObject(error);
      expect(proxy.seen).toHaveLength(1);
      expect(calls).toEqual(['put_object rate_limited']);
      await hasty.close();
    },
  );
});

describe('answers that no repeat would change', () => {
  it.each([
    [s3Error(403, 'AccessDenied'), 'S3_ACCESS_DENIED'],
    [s3Error(403, 'SomethingNew'), 'S3_ACCESS_DENIED'],
    [s3Error(404, 'NoSuchBucket'), 'S3_BUCKET_NOT_FOUND'],
    [s3Error(400, 'InvalidRequest'), 'S3_UPLOAD_FAILED'],
  ] satisfies [Fault, string][])('%o is not repeated', async (fault, code) => {
    proxy.plan(times(4, fault));
    await expect(store.put('r/key', Buffer.from('x'), OPTIONS)).rejects.toMatchObject({ code });
    expect(proxy.seen).toHaveLength(1);
  });

  it('names no key, host or secret to the client', async () => {
    proxy.plan(times(4, { kind: 'reset' }));
    const error: unknown = await store.get('r/key').catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      message: 'The object storage cannot be reached.',
      details: undefined,
      retryAfter: 5,
    });
  });

  it('refuses a wrong secret, a wrong key id and no answer at all', async () => {
    const wrong: [Partial<S3Config>, string, string][] = [
      [{ credentials: { accessKeyId: 'test', secretAccessKey: 'wrong' } }, 'S3_ACCESS_DENIED', 'access_denied'],
      [{ credentials: { accessKeyId: 'nobody', secretAccessKey: 'testtest' } }, 'S3_ACCESS_DENIED', 'access_denied'],
      [{ endpoint: 'http://127.0.0.1:9' }, 'S3_CONNECTION_ERROR', 'connection_error'],
      [{ endpoint: 'http://no-such-host.invalid', maxRetries: 0 }, 'S3_CONNECTION_ERROR', 'connection_error'],
    ];
    for (const [change, code, type] of wrong) {
      const other = await createS3Store({ ...bucket, ...change }, observer);
      await expect(other.check()).rejects.toMatchObject({ code });
      await expect(other.get('r/key')).rejects.toMatchObject({ code });
      await expect(other.delete(['r/a', 'r/b'])).rejects.toMatchObject({ code });
      expect(calls.splice(0)).toEqual([`get_object ${type}`, `delete_object ${type}`]);
      await other.close();
    }
    const denied = await createS3Store({ ...bucket, credentials: wrong[0]?.[0].credentials });
    await expect(denied.check()).rejects.toThrow('S3 operation failed: Access Denied');
    await denied.close();
  });
});

describe('bucket', () => {
  it('reports a missing one', async () => {
    const other = await createS3Store(await testS3Config());
    const missing = { code: 'S3_BUCKET_NOT_FOUND' };
    await expect(other.check()).rejects.toMatchObject(missing);
    await expect(other.get('r/key')).rejects.toMatchObject(missing);
    await expect(other.put('r/key', Buffer.from('x'), OPTIONS)).rejects.toMatchObject(missing);
    await expect(other.deletePrefix('r/')).rejects.toMatchObject(missing);
    await other.close();
  });

  it('is made when asked for, by several nodes at once', async () => {
    const config = { ...(await testS3Config()), autoCreateBucket: true };
    const nodes = await Promise.all([1, 2, 3].map(() => createS3Store(config)));
    for (const node of nodes) await node.check();
    for (const node of nodes) await node.close();
    const client = plainClient(config);
    await client.send(new DeleteBucketCommand({ Bucket: config.bucket }));
    client.destroy();
  });

  it('is not made when the service refuses us', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'wrong' };
    const config = { ...(await testS3Config()), autoCreateBucket: true, credentials };
    await expect(createS3Store(config)).rejects.toMatchObject({ code: 'S3_ACCESS_DENIED' });
  });
});

describe('downloads that break', () => {
  const body = randomBytes(3 * MiB);
  beforeAll(async () => {
    const plain = await createS3Store(bucket);
    await plain.put('r/big', body, OPTIONS);
    await plain.close();
  });

  it('go on behind the last byte', async () => {
    proxy.plan(
      [
        { kind: 'cut', after: 1_000_000 },
        { kind: 'cut', after: 500_000 },
        { kind: 'reset' },
        { kind: 'cut', after: 1 },
      ],
      isGet,
    );
    expect((await bytes(await store.stream('r/big'))).equals(body)).toBe(true);
    expect(proxy.seen.length).toBeGreaterThanOrEqual(5);
    proxy.plan([{ kind: 'cut', after: 100_000 }], isGet);
    const part = await bytes(await store.stream('r/big', { start: 1000, end: 2_000_000 }));
    expect(part.equals(body.subarray(1000, 2_000_001))).toBe(true);
    proxy.plan([{ kind: 'cut', after: 10 }], isGet);
    expect((await store.get('r/big'))?.equals(body)).toBe(true);
    expect(calls).toEqual(['get_object ok', 'get_object ok', 'get_object ok']);
  });

  it('fail when nothing more comes, instead of ending short', async () => {
    proxy.plan([{ kind: 'cut', after: 1_000_000 }, ...times(4, { kind: 'reset' })], isGet);
    const stream = await store.stream('r/big');
    await expect(bytes(stream)).rejects.toMatchObject({ code: 'S3_CONNECTION_ERROR' });
    expect(calls).toEqual(['get_object connection_error']);
  });

  it('fail when the body was replaced in between', async () => {
    await store.put('r/changing', body, OPTIONS);
    proxy.plan([{ kind: 'cut', after: 1_000_000 }], isGet);
    const stream = await store.stream('r/changing');
    const plain = await createS3Store(bucket);
    await plain.put('r/changing', randomBytes(body.length), OPTIONS);
    await plain.close();
    await expect(bytes(stream)).rejects.toMatchObject({ code: 'S3_DOWNLOAD_FAILED' });
  });

  it('end at once when the reader goes away from a stalled service', async () => {
    proxy.plan([{ kind: 'stall', after: 1000 }]);
    const stream = await store.stream('r/big');
    let read = 0;
    stream.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    while (read < 1000) await new Promise((resolve) => setTimeout(resolve, 10));
    const start = performance.now();
    await new Promise<void>((resolve) => stream.once('close', resolve).destroy());
    expect(performance.now() - start).toBeLessThan(1000);
    expect(read).toBe(1000);
    expect(calls).toEqual(['get_object ok']);
  });
});

describe('uploads of large files', () => {
  const body = randomBytes(12 * MiB);
  const key = 'r/objects/pack/pack-1.pack';
  let path: string;
  beforeAll(async () => {
    path = join(scratch, 'pack');
    await writeFile(path, body);
  });

  async function openUploads(): Promise<number> {
    const client = plainClient(bucket);
    const answer = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket.bucket }));
    client.destroy();
    return answer.Uploads?.length ?? 0;
  }

  it('repeat single parts', async () => {
    const part = (_method: string, url: string) => url.includes('partNumber=2');
    proxy.plan([{ kind: 'reset' }, s3Error(500, 'InternalError'), { kind: 'lose-answer' }], part);
    await store.putFile(key, path, OPTIONS);
    expect(proxy.seen.filter((line) => line.includes('partNumber=2'))).toHaveLength(4);
    expect(proxy.seen.filter((line) => line.includes('partNumber=1'))).toHaveLength(1);
    const stored = (await store.get(key)) ?? Buffer.alloc(0);
    expect(createHash('sha1').update(stored).digest('hex')).toBe(createHash('sha1').update(body).digest('hex'));
    expect(calls).toEqual(['put_packfile ok', 'get_packfile ok']);
  });

  it('succeed when only the last answer was lost', async () => {
    const complete = (method: string, url: string) => method === 'POST' && url.includes('uploadId=');
    proxy.plan([{ kind: 'lose-answer' }], complete);
    await store.putFile('r/objects/pack/pack-2.pack', path, OPTIONS);
    expect((await store.head('r/objects/pack/pack-2.pack'))?.size).toBe(body.length);
  });

  it('leave nothing when they fail', async () => {
    const part = (_method: string, url: string) => url.includes('partNumber=3');
    proxy.plan(times(4, s3Error(500, 'InternalError')), part);
    await expect(store.putFile('r/failed', path, OPTIONS)).rejects.toMatchObject({ code: 'S3_UPLOAD_FAILED' });
    expect(await store.head('r/failed')).toBeUndefined();
    expect(await openUploads()).toBe(0);
  });
});
