import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '../../errors.js';
import type { ByteRange, ObjectStore, StorageObserver } from '../contract.js';
import { type GuardOptions, guarded } from '../guarded.js';
import { clip } from '../range.js';
import { DurableFolders } from './durable.js';
import { failingAs, isMissing } from './failure.js';
import { isLooseKey, looseMetadata } from './loose-header.js';
import { TempFiles } from './temp.js';
import { entries, walk } from './walk.js';

/**
 * Bodies as files: a key is a path below `rootDir`, so each repository's `objects` folder is one that git can read.
 *
 * Order of a write: temp file, fsync, rename, fsync of the folder; a file that may be linked needs no temp file. A crash leaves the old body or the new one, and at
 * worst a temp file, which a later start removes. Content type and metadata are not kept; see the contract.
 *
 * @throws AppError OBJECT_STORAGE_ERROR when the folder cannot be made or written
 */
export async function createFilesystemStore(
  rootDir: string,
  observer?: StorageObserver,
  options: Omit<GuardOptions, 'observer'> = {},
): Promise<ObjectStore> {
  const root = resolve(rootDir);
  const temp = new TempFiles(root);
  await failingAs('OBJECT_STORAGE_ERROR', async () => {
    await mkdir(root, { recursive: true });
    await temp.open(Date.now());
  });
  return guarded(filesystemDriver(root, temp), { observer, ...options });
}

function filesystemDriver(root: string, temp: TempFiles): ObjectStore {
  const folders = new DurableFolders(root);
  const pathOf = (key: string) => join(root, key);
  const remove = async (key: string) => {
    try {
      await rm(pathOf(key));
      await folders.prune(dirname(pathOf(key)));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  };

  return {
    kind: 'filesystem',
    get: (key) =>
      failingAs('S3_DOWNLOAD_FAILED', async () => {
        try {
          return await readFile(pathOf(key));
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      }),
    stream: (key, range) => failingAs('S3_DOWNLOAD_FAILED', () => openStream(pathOf(key), range)),
    head: (key) =>
      failingAs('S3_DOWNLOAD_FAILED', async () => {
        try {
          const file = await stat(pathOf(key));
          if (!file.isFile()) return undefined;
          const metadata = isLooseKey(key) ? await looseMetadata(pathOf(key)) : {};
          return { key, size: file.size, modifiedAt: file.mtime, metadata };
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      }),
    list: (prefix) => walk(root, prefix),
    async *listTopLevel() {
      const names = (await entries(root)).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
      for (const name of names.map((entry) => entry.name).sort()) {
        // An empty folder is no key; S3 would not show it either.
        for await (const _file of walk(root, `${name}/`)) {
          yield name;
          break;
        }
      }
    },
    localPath: pathOf,
    localRoot: () => root,
    check: () => failingAs('OBJECT_STORAGE_ERROR', () => temp.withBody(new Uint8Array(1), (path) => rm(path))),
    put: (key, body) =>
      failingAs('S3_UPLOAD_FAILED', () => temp.withBody(body, (path) => folders.install(path, pathOf(key)))),
    putFile: (key, path) =>
      failingAs('S3_UPLOAD_FAILED', async () => {
        if (await folders.link(path, pathOf(key))) return;
        await temp.withFile(path, (copy) => folders.install(copy, pathOf(key), true));
      }),
    delete: (keys) =>
      failingAs('OBJECT_STORAGE_ERROR', async () => {
        for (const key of keys) await remove(key);
      }),
    deletePrefix: (prefix) =>
      failingAs('OBJECT_STORAGE_ERROR', async () => {
        let count = 0;
        for await (const { key } of walk(root, prefix)) {
          await remove(key);
          count++;
        }
        return count;
      }),
    async close() {},
  };
}

async function openStream(path: string, range: ByteRange | undefined): Promise<Readable> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) throw new AppError('S3_OBJECT_NOT_FOUND');
    throw error;
  });
  try {
    const file = await handle.stat();
    if (!file.isFile()) throw new AppError('S3_OBJECT_NOT_FOUND');
    return handle.createReadStream(range && clip(range, file.size));
  } catch (error) {
    await handle.close();
    throw error;
  }
}
