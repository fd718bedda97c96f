import { CreateBucketCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config.js';
import { AppError } from '../../errors.js';
import { failureKind, toAppError } from './errors.js';

/** Throws an AppError unless the bucket answers: S3_BUCKET_NOT_FOUND, S3_ACCESS_DENIED, S3_CONNECTION_ERROR. */
export async function checkBucket(client: S3Client, bucket: string): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    // HEAD answers carry no body, so a missing bucket is a bare 404.
    if (failureKind(error) === 'missing') throw new AppError('S3_BUCKET_NOT_FOUND', { cause: error });
    throw toAppError(error, 'OBJECT_STORAGE_ERROR');
  }
}

/** Makes the bucket when it is missing; several nodes may do so at once. */
export async function ensureBucket(client: S3Client, config: S3Config): Promise<void> {
  try {
    await checkBucket(client, config.bucket);
    return;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'S3_BUCKET_NOT_FOUND') throw error;
  }
  try {
    await client.send(new CreateBucketCommand({ Bucket: config.bucket, ...location(config) }));
  } catch (error) {
    if (!(error instanceof Error) || !error.name.startsWith('BucketAlready')) {
      throw toAppError(error, 'OBJECT_STORAGE_ERROR');
    }
    await checkBucket(client, config.bucket);
  }
}

/** AWS wants the region spelled out everywhere but in its first one; other services refuse regions they do not know. */
function location(config: S3Config): Pick<CreateBucketCommand['input'], 'CreateBucketConfiguration'> {
  if (config.endpoint !== undefined || config.region === 'us-east-1') return {};
  type Constraint = NonNullable<CreateBucketCommand['input']['CreateBucketConfiguration']>['LocationConstraint'];
  return { CreateBucketConfiguration: { LocationConstraint: config.region as Constraint } };
}
