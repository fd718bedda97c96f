import { HeadObjectCommand } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config.js';
import { AppError } from '../../errors.js';
import type { ObjectStore, StorageObserver } from '../contract.js';
import { guarded, type StorageLog } from '../guarded.js';
import { checkBucket, ensureBucket } from './bucket.js';
import { type Connection, connect } from './client.js';
import { DirectPut } from './direct-put.js';
import { download, openDownload } from './download.js';
import { failingAs, failureKind } from './errors.js';
import { createLinker } from './link.js';
import { deleteBelow, deleteKeys, listFolders, listPages } from './listing.js';
import { putBody, putFileBody } from './upload.js';

/**
 * Bodies in a bucket of any S3-compatible service. S3 shows a body only when it is there whole and answers only when it
 * is durable, which is all that the contract asks for.
 *
 * @throws AppError when the bucket should be created and cannot be; otherwise the first call tells what is wrong
 */
export async function createS3Store(
  config: S3Config,
  observer?: StorageObserver,
  log?: StorageLog,
): Promise<ObjectStore> {
  const connection = connect(config);
  const { client } = connection;
  try {
    if (config.autoCreateBucket) await ensureBucket(client, config);
  } catch (error) {
    client.destroy();
    throw error;
  }
  return guarded(s3Driver(connection, config), { observer, log, slowOperationMs: config.slowOperationMs });
}

function s3Driver(connection: Connection, config: S3Config): ObjectStore {
  const { bucket } = config;
  const { client } = connection;
  const place = { client, bucket, direct: new DirectPut(connection, bucket) };
  const linker = createLinker(config, client);
  const source = { client, bucket, limits: config };
  return {
    kind: 's3',
    get: (key) => download(source, key).catch(missingAsUndefined),
    stream: (key, range) => openDownload(source, key, range),
    head: (key) =>
      failingAs('S3_DOWNLOAD_FAILED', async () => {
        const answer = await client
          .send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
          .catch((error: unknown) => {
            if (failureKind(error) !== 'missing') throw error;
          });
        if (!answer) return undefined;
        const { ContentLength: size = 0, LastModified: modifiedAt = new Date(0), Metadata: metadata = {} } = answer;
        return { key, size, modifiedAt, metadata };
      }),
    async *list(prefix) {
      for await (const page of listPages(client, bucket, prefix)) yield* page;
    },
    listTopLevel: () => listFolders(client, bucket),
    localPath: () => undefined,
    localRoot: () => undefined,
    link: (key, seconds) => failingAs('OBJECT_STORAGE_ERROR', () => linker.link(key, seconds)),
    check: () => checkBucket(client, bucket),
    put: (key, body, options) => failingAs('S3_UPLOAD_FAILED', () => putBody(place, key, body, options)),
    putFile: (key, path, options) => failingAs('S3_UPLOAD_FAILED', () => putFileBody(place, key, path, options)),
    delete: (keys) => deleteKeys(client, bucket, keys),
    deletePrefix: (prefix) => failingAs('OBJECT_STORAGE_ERROR', () => deleteBelow(client, bucket, prefix)),
    async close() {
      linker.close();
      client.destroy();
    },
  };
}

function missingAsUndefined(error: unknown): undefined {
  if (!(error instanceof AppError) || error.code !== 'S3_OBJECT_NOT_FOUND') throw error;
}
