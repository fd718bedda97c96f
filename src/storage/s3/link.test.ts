import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestBucket, type TestBucket } from '../../../test/support/s3.js';
import type { ObjectStore } from '../contract.js';
import { createFilesystemStore } from '../filesystem/store.js';
import { createMemoryStore } from '../memory.js';
import { createS3Store } from './store.js';

describe('links', () => {
  const key = 'r1/objects/pack/a file';
  let bucket: TestBucket;
  let store: ObjectStore;
  beforeAll(async () => {
    bucket = await createTestBucket();
    store = await createS3Store(bucket);
    await store.put(key, Buffer.from('0123456789'), { contentType: 'application/octet-stream' });
  });
  afterAll(async () => {
    await store?.close();
    await bucket?.drop();
  });

  it('let anybody read the body or a part of it', async () => {
    const url = await store.link!(key, 60);
    expect(await (await fetch(url)).text()).toBe('0123456789');
    const part = await fetch(url, { headers: { range: 'bytes=4-' } });
    expect([part.status, await part.text()]).toEqual([206, '456789']);
  });

  it('say in themselves how long they are good, and cannot be bent', async () => {
    const url = new URL(await store.link!(key, 61));
    expect(url.searchParams.get('X-Amz-Expires')).toBe('61');
    url.searchParams.set('X-Amz-Expires', '600');
    expect((await fetch(url)).status).toBe(403);
    const other = new URL(await store.link!('r1/other', 61));
    other.pathname = url.pathname;
    expect((await fetch(other)).status).toBe(403);
  });

  it('lead nowhere without a body', async () => {
    expect((await fetch(await store.link!('r1/missing', 60))).status).toBe(404);
    await expect(store.link!('../r1', 60)).rejects.toMatchObject({ code: 'OBJECT_STORAGE_ERROR' });
  });

  it('name the service as clients reach it', async () => {
    const outside = await createS3Store({ ...bucket, publicEndpoint: 'https://objects.example:8443' });
    const url = new URL(await outside.link!(key, 60));
    expect(url.origin).toBe('https://objects.example:8443');
    expect(url.pathname).toBe(`/${bucket.bucket}/r1/objects/pack/a%20file`);
    await outside.close();
  });

  it('do not exist elsewhere', async () => {
    expect(createMemoryStore().link).toBeUndefined();
    const folder = await mkdtemp(join(tmpdir(), 'gitclaw-link-'));
    const files = await createFilesystemStore(folder);
    expect(files.link).toBeUndefined();
    await files.close();
    await rm(folder, { recursive: true });
  });
});
