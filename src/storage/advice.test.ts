import { describe, expect, it } from 'vitest';
import { testS3Config } from '../../test/support/s3.js';
import { AppError } from '../errors.js';
import { describeStorageError } from './index.js';
import { createS3Store } from './s3/store.js';

describe('what an operator is told', () => {
  it.each([
    [
      { endpoint: 'http://127.0.0.1:9', maxRetries: 0 },
      /cannot be reached \(bucket \S+ at http:\/\/127\.0\.0\.1:9\): check S3_ENDPOINT/,
    ],
    [
      { credentials: { accessKeyId: 'test', secretAccessKey: 'wrong' } },
      /^S3 operation failed: Access Denied \(bucket .*s3:GetBucketLocation$/,
    ],
    [
      {},
      /^The storage bucket does not exist \(bucket .*: check S3_BUCKET and S3_REGION, make the bucket, or set S3_AUTO_CREATE_BUCKET=true$/,
    ],
  ])('%j', async (change, line) => {
    const s3 = { ...(await testS3Config()), ...change };
    const store = await createS3Store(s3);
    const error: unknown = await store.check().catch((failure: unknown) => failure);
    await store.close();
    const told = describeStorageError(error, { s3, GITCLAW_DATA_DIR: '.' });
    expect(told).toMatch(line);
    expect(told).not.toMatch(/wrong|testtest|\n/);
  });

  it('is about files too, and about nothing else', () => {
    const config = { s3: undefined, GITCLAW_DATA_DIR: '/data' };
    expect(describeStorageError(new AppError('OBJECT_STORAGE_ERROR'), config)).toBe(
      'The object storage could not answer (files in /data): check the folder and its permissions',
    );
    expect(describeStorageError(new Error('x'), config)).toBeUndefined();
  });
});
