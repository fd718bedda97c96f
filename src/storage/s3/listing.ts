import { DeleteObjectCommand, DeleteObjectsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { StoredInfo } from '../contract.js';
import { failingAs, toAppError } from './errors.js';

/** S3's largest page and largest batch. */
const BATCH = 1000;

/** The keys below a prefix, a page at a time. */
export async function* listPages(client: S3Client, bucket: string, prefix: string): AsyncGenerator<StoredInfo[]> {
  for await (const page of pages(client, { Bucket: bucket, Prefix: prefix })) {
    yield (page.Contents ?? []).map((item) => ({
      key: item.Key ?? '',
      size: item.Size ?? 0,
      modifiedAt: item.LastModified ?? new Date(0),
    }));
  }
}

/** The names before the first slash of any key. */
export async function* listFolders(client: S3Client, bucket: string): AsyncGenerator<string> {
  for await (const page of pages(client, { Bucket: bucket, Delimiter: '/' })) {
    for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) yield Prefix.slice(0, -1);
  }
}

/** Deletes any number of keys. @throws AppError for the first key that could not be deleted */
export async function deleteKeys(client: S3Client, bucket: string, keys: readonly string[]): Promise<void> {
  await failingAs('OBJECT_STORAGE_ERROR', async () => {
    if (keys.length === 1) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keys[0] }));
      return;
    }
    for (let at = 0; at < keys.length; at += BATCH) {
      const Objects = keys.slice(at, at + BATCH).map((Key) => ({ Key }));
      const answer = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
      const failed = answer.Errors?.find((item) => item.Code !== 'NoSuchKey');
      if (failed) throw refusal(failed.Code);
    }
  });
}

/** Deletes everything below a prefix, page by page, and returns how many keys went. */
export async function deleteBelow(client: S3Client, bucket: string, prefix: string): Promise<number> {
  let count = 0;
  for await (const page of listPages(client, bucket, prefix)) {
    if (page.length === 0) continue;
    await deleteKeys(
      client,
      bucket,
      page.map((item) => item.key),
    );
    count += page.length;
  }
  return count;
}

async function* pages(client: S3Client, input: ListObjectsV2Command['input']) {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({ ...input, MaxKeys: BATCH, ...(token && { ContinuationToken: token }) });
    const page = await failingAs('OBJECT_STORAGE_ERROR', () => client.send(command));
    yield page;
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** A refusal inside a batch's answer carries the same codes as an HTTP error. */
function refusal(code: string | undefined): Error {
  const status = code === 'AccessDenied' ? 403 : 500;
  return toAppError(
    Object.assign(new Error('delete refused'), { name: code ?? 'Unknown', $metadata: { httpStatusCode: status } }),
    'OBJECT_STORAGE_ERROR',
  );
}
