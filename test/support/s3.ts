import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, DeleteBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../../src/config.js';
import { connect } from '../../src/storage/s3/client.js';
import { createS3Store } from '../../src/storage/s3/store.js';
import { s3Server } from './s3-server.js';

export interface TestBucket extends S3Config {
  /** Empties and removes the bucket. */
  drop(): Promise<void>;
}

/** Configuration of the run's real S3 server, for a bucket that does not exist yet. */
export async function testS3Config(): Promise<S3Config> {
  const { endpoint, accessKeyId, secretAccessKey } = await s3Server();
  return {
    bucket: `test-${randomUUID()}`,
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    pathStyle: true,
    autoCreateBucket: false,
    maxRetries: 3,
    retryMaxBackoffSecs: 30,
    slowOperationMs: 60_000,
  };
}

/** A new, empty bucket on a real S3 server. */
export async function createTestBucket(): Promise<TestBucket> {
  const config = await testS3Config();
  const client = plainClient(config);
  await client.send(new CreateBucketCommand({ Bucket: config.bucket }));
  return {
    ...config,
    async drop() {
      const store = await createS3Store(config);
      const folders: string[] = [];
      for await (const folder of store.listTopLevel()) folders.push(folder);
      for (const folder of folders) await store.deletePrefix(`${folder}/`);
      for await (const { key } of store.list('')) await store.delete([key]);
      await store.close();
      await client.send(new DeleteBucketCommand({ Bucket: config.bucket }));
      client.destroy();
    },
  };
}

/** A client that repeats nothing, for tests that look at the bucket from outside. */
export function plainClient(config: S3Config): S3Client {
  return connect({ ...config, maxRetries: 0 }).client;
}
