/**
 * Many small bodies at once, for worker threads: synchronous calls cost a fraction of the processor time of the others,
 * and take no thread away from those who wait for a file.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../../errors.js';
import { assertKey } from '../key-rules.js';
import { FOLDER_ATTEMPTS } from './durable.js';
import { isMissing } from './failure.js';
import { TEMP_FOLDER } from './temp.js';

export interface SmallBody {
  key: string;
  body: Uint8Array;
}

/**
 * Writes bodies below the root of a filesystem store. The order is that of single writes, temp file, fsync, rename, fsync
 * of the folders; but each folder is synced once. After a failure some of the bodies may be stored.
 * @throws AppError S3_UPLOAD_FAILED
 */
export function writeBatch(root: string, bodies: readonly SmallBody[]): void {
  for (const { key } of bodies) assertKey(key);
  const temp = join(root, TEMP_FOLDER, randomUUID());
  const written = bodies.map((_, i) => `${temp}-${i}`);
  try {
    mkdirSync(dirname(temp), { recursive: true });
    for (const [i, { body }] of bodies.entries()) writeSynced(written[i]!, body);
    const folders = new Set<string>();
    for (const [i, { key }] of bodies.entries()) {
      const path = join(root, key);
      install(written[i]!, path);
      for (let at = dirname(path); at.length >= root.length && !folders.has(at); at = dirname(at)) folders.add(at);
    }
    for (const folder of folders) syncFolder(folder);
  } catch (cause) {
    for (const path of written) rmSync(path, { force: true });
    throw new AppError('S3_UPLOAD_FAILED', { cause });
  }
}

function writeSynced(path: string, body: Uint8Array): void {
  const fd = openSync(path, 'wx');
  try {
    for (let at = 0; at < body.length; ) at += writeSync(fd, body, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function install(temp: string, path: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(temp, path);
      return;
    } catch (error) {
      // The folder is new, or a delete has just removed the emptied one.
      if (!isMissing(error) || attempt === FOLDER_ATTEMPTS) throw error;
      mkdirSync(dirname(path), { recursive: true });
    }
  }
}

function syncFolder(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    // Deleted with the body meanwhile.
    if (isMissing(error)) return;
    throw error;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
