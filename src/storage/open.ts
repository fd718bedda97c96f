import { join } from 'node:path';
import type { Config } from '../config.js';
import type { ObjectStore, StorageObserver } from './contract.js';
import { createFilesystemStore } from './filesystem/store.js';
import type { StorageLog } from './guarded.js';

/** The filesystem driver's slow-call limit; the S3 driver takes it from its configuration. */
const SLOW_FILE_MS = 1000;

/**
 * Opens the store that the configuration names: S3 when a bucket is set, otherwise the folder `objects` in the data
 * directory. Creates the bucket or the folder where it may. Call `check()` to learn whether the store answers.
 */
export async function openObjectStore(
  config: Pick<Config, 's3' | 'GITCLAW_DATA_DIR'>,
  observer?: StorageObserver,
  log?: StorageLog,
): Promise<ObjectStore> {
  if (config.s3 === undefined) {
    const root = join(config.GITCLAW_DATA_DIR, 'objects');
    return createFilesystemStore(root, observer, { log, slowOperationMs: SLOW_FILE_MS });
  }
  // Loaded only here: the S3 client costs a good part of the start-up time of a node that does without it.
  const { createS3Store } = await import('./s3/store.js');
  return createS3Store(config.s3, observer, log);
}
