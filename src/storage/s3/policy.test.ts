import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { DeleteBucketPolicyCommand, GetBucketAclCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestBucket, plainClient, type TestBucket } from '../../../test/support/s3.js';
import { S3_ACTIONS } from '../index.js';
import { createS3Store } from './store.js';

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-policy-'));
let bucket: TestBucket;

/** What a bucket can be asked for beyond what the driver needs (Amazon S3, Service Authorization Reference). */
const OTHERS = [
  ...['AbortMultipartUpload', 'ListMultipartUploadParts', 'ListBucketMultipartUploads', 'ListBucketVersions'],
  ...[
    'GetObjectVersion',
    'DeleteObjectVersion',
    'GetObjectAcl',
    'PutObjectAcl',
    'GetObjectTagging',
    'PutObjectTagging',
  ],
  ...[
    'GetBucketAcl',
    'PutBucketAcl',
    'GetBucketVersioning',
    'PutBucketVersioning',
    'GetBucketPolicy',
    'PutBucketPolicy',
  ],
  ...['GetBucketCORS', 'PutBucketCORS', 'GetBucketTagging', 'PutBucketTagging', 'GetBucketWebsite', 'PutBucketWebsite'],
  ...['GetLifecycleConfiguration', 'PutLifecycleConfiguration', 'GetBucketLogging', 'PutBucketLogging'],
  ...['GetBucketNotification', 'PutBucketNotification', 'RestoreObject', 'CreateBucket'],
];

/** Denied by a policy of the bucket, which also binds its owner. */
beforeAll(async () => {
  bucket = await createTestBucket();
  const arn = `arn:aws:s3:::${bucket.bucket}`;
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: OTHERS.map((name) => `s3:${name}`),
        Resource: [arn, `${arn}/*`],
      },
    ],
  });
  await plainClient(bucket).send(new PutBucketPolicyCommand({ Bucket: bucket.bucket, Policy }));
});
afterAll(async () => {
  await plainClient(bucket).send(new DeleteBucketPolicyCommand({ Bucket: bucket.bucket }));
  await bucket.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function bytes(stream: Readable): Promise<number> {
  let count = 0;
  for await (const chunk of stream) count += (chunk as Buffer).length;
  return count;
}

it('the driver gets along with the permissions it names', async () => {
  const denied = plainClient(bucket).send(new GetBucketAclCommand({ Bucket: bucket.bucket }));
  await expect(denied).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(OTHERS.map((name) => `s3:${name}`).filter((name) => S3_ACTIONS.includes(name))).toEqual([]);
  const store = await createS3Store({ ...bucket, autoCreateBucket: true });
  await store.check();
  const options = { contentType: 'application/octet-stream', metadata: { 'x-git-object-type': 'blob' } };
  const large = join(folder, 'large');
  writeFileSync(large, Buffer.alloc(12 * 1024 * 1024, 7));
  await store.put('r/one', Buffer.from('one'), options);
  await store.putFile('r/large', large, options);
  expect((await store.get('r/one'))?.toString()).toBe('one');
  expect(await store.get('r/none')).toBeUndefined();
  expect((await store.head('r/large'))?.size).toBe(12 * 1024 * 1024);
  expect(await store.head('r/none')).toBeUndefined();
  expect(await bytes(await store.stream('r/large', { start: 1, end: 100 }))).toBe(100);
  const keys: string[] = [];
  for await (const { key } of store.list('r/')) keys.push(key);
  for await (const name of store.listTopLevel()) keys.push(name);
  expect(keys).toEqual(['r/large', 'r/one', 'r']);
  await store.delete(['r/one', 'r/none']);
  expect(await store.deletePrefix('r/')).toBe(1);
  await store.close();
});
