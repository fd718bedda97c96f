/**
 * Many small bodies at once, for worker threads: synchronous calls cost a fraction of the processor time of the others,
 * and take no thread away from those who wait for a file.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { AppError } from '../../errors.js';
import { assertKey } from '../key-rules.js';
import { FOLDER_ATTEMPTS } from './durable.js';
import { isMissing } from './failure.js';
import { syncFilesystem } from './sync-all.js';
import { TEMP_FOLDER } from './temp.js';
import { writeEarly } from './write-early.js';

export interface SmallBody {
  key: string;
  body: Uint8Array;
}

/** A file that is stored by a second name, or copied where that cannot be. Nobody may write to it afterwards. */
export interface StoredFile {
  key: string;
  path: string;
}

/**
 * So many files are flushed with all of the file system, in tens of milliseconds; one by one they take a second. More
 * than a push writes while its client waits: what others wrote may be a lot.
 */
const MANY = 200;

/** Folders whose own names this thread made durable, and what tells one from a folder that is made anew later. */
const named = new LRUCache<string, string>({ max: 10_000 });

/**
 * Writes bodies and files below the root of a filesystem store. The order is that of single writes, temp file, fsync,
 * rename, fsync of the folders; but each folder is synced once, and many bodies are flushed together. After a failure some
 * of them may be stored.
 * @param beforeNaming called when everything is written and nothing has its name yet
 * @throws AppError S3_UPLOAD_FAILED
 */
export function writeBatch(
  root: string,
  bodies: readonly SmallBody[],
  files: readonly StoredFile[] = [],
  beforeNaming: () => void = () => {},
): void {
  const keys = [...files, ...bodies].map(({ key }) => key);
  for (const key of keys) assertKey(key);
  const temp = join(root, TEMP_FOLDER, randomUUID());
  const written = keys.map((_, i) => `${temp}-${i}`);
  try {
    mkdirSync(dirname(temp), { recursive: true });
    for (const [i, { path }] of files.entries()) linkOrCopy(path, written[i]!);
    const areMany = bodies.length >= MANY;
    for (const [i, { body }] of bodies.entries()) writeBody(written[files.length + i]!, body, !areMany);
    const isFlushed = areMany && syncFilesystem(root);
    if (!isFlushed) for (const path of written) syncFile(path);
    beforeNaming();
    const folders = new Set<string>();
    for (const [i, key] of keys.entries()) {
      const path = join(root, key);
      install(written[i]!, path);
      folders.add(dirname(path));
    }
    // Of a file that was there already under both names, the system keeps the temporary one too.
    for (let i = 0; i < files.length; i++) if (existsSync(written[i]!)) rmSync(written[i]!, { force: true });
    if (isFlushed && syncFilesystem(root)) return;
    const synced = new Set<string>();
    for (const folder of folders) syncUpwards(root, folder, synced);
  } catch (cause) {
    for (const path of written) rmSync(path, { force: true });
    throw new AppError('S3_UPLOAD_FAILED', { cause });
  }
}

function linkOrCopy(path: string, temp: string): void {
  try {
    linkSync(path, temp);
  } catch {
    copyFileSync(path, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
}

function writeBody(path: string, body: Uint8Array, early: boolean): void {
  const fd = openSync(path, 'wx');
  try {
    if (early) writeEarly(fd);
    for (let at = 0; at < body.length; ) at += writeSync(fd, body, at);
  } finally {
    closeSync(fd);
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
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

/** Syncs a folder, and those above it as far as their names are not known to be durable. */
function syncUpwards(root: string, folder: string, synced: Set<string>): void {
  const passed: [folder: string, identity: string][] = [];
  for (let at = folder; at.length >= root.length; at = dirname(at)) {
    const identity = synced.has(at) ? named.get(at) : syncFolder(at);
    synced.add(at);
    if (identity === undefined || named.get(at) === identity) break;
    passed.push([at, identity]);
  }
  for (const [at, identity] of passed) named.set(at, identity);
}

/** @returns inode and time of birth, as numbers are given again; undefined when it was deleted with the body meanwhile */
function syncFolder(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const { ino, birthtimeNs } = fstatSync(fd, { bigint: true });
    fsyncSync(fd);
    return `${ino} ${birthtimeNs}`;
  } finally {
    closeSync(fd);
  }
}
