import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { AppError } from '../../errors.js';
import type { PutOptions } from '../contract.js';
import type { DirectPut } from './direct-put.js';

/** Bodies up to this size go in one request; also S3's smallest part. */
export const PART_BYTES = 5 * 1024 * 1024;

/** Parts in flight: with the one being read, about 30 MiB per upload. */
const PARTS_IN_FLIGHT = 4;

/** S3's limit. */
const MAX_PARTS = 10_000;

const READ_BYTES = 1024 * 1024;

/** Where uploads go, and the two ways there. */
export interface Destination {
  client: S3Client;
  direct: DirectPut;
  bucket: string;
}

/** Writes a body in one request, which S3 makes visible whole. */
export async function putBody(
  { client, direct, bucket }: Destination,
  key: string,
  body: Uint8Array,
  options: PutOptions,
): Promise<void> {
  if (body.length <= PART_BYTES && (await direct.put(key, body, options))) return;
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...headers(options) }));
}

/**
 * Writes a file, in parts when it is large. The parts become visible together; those of a failed upload are aborted,
 * and what a killed process leaves is removed by the bucket's lifecycle rule for incomplete uploads.
 */
export async function putFileBody(
  destination: Destination,
  key: string,
  path: string,
  options: PutOptions,
): Promise<void> {
  const { client, bucket } = destination;
  const size = await fileSize(path);
  if (size <= PART_BYTES) return putBody(destination, key, await readFile(path), options);
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  try {
    await new Upload({
      client,
      params: { Bucket: bucket, Key: key, Body: file, ContentLength: size, ...headers(options) },
      partSize: Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS)),
      queueSize: PARTS_IN_FLIGHT,
    }).done();
  } catch (error) {
    if (!(await finishedBefore(error, client, bucket, key, size))) throw error;
  } finally {
    file.destroy();
  }
}

/** A repeated "complete" finds no upload when the answer to the first one was lost: then the body is there. */
async function finishedBefore(
  error: unknown,
  client: S3Client,
  bucket: string,
  key: string,
  size: number,
): Promise<boolean> {
  if (!(error instanceof Error) || error.name !== 'NoSuchUpload') return false;
  const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).catch(() => undefined);
  return found?.ContentLength === size;
}

async function fileSize(path: string): Promise<number> {
  const file = await stat(path).catch((cause: unknown) => {
    throw new AppError('S3_UPLOAD_FAILED', { cause });
  });
  return file.size;
}

function headers(options: PutOptions) {
  return { ContentType: options.contentType, Metadata: { ...options.metadata } };
}
