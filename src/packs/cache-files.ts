/** The files of the pack cache's folder: `{repoId}.{hash}.{random}.{pack,idx,meta}`; names in the making end in `.tmp`. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.js';
import { CONTENT_TYPES, type ObjectStore, packKey, syncPath } from '../storage/index.js';
import type { LocalPack } from './contract.js';
import { rebuildMeta } from './rebuild-meta.js';

const NAME = /^([A-Za-z0-9_-]+)\.([0-9a-f]{40})\.([0-9a-f]{8})\.(pack|idx|meta)$/;
const TRAILER_BYTES = 20;

/** Where the cache keeps one pack. The random part lets a pack be fetched again while its old files are being deleted. */
export interface CacheFiles {
  /** `{repoId}/{hash}`. */
  key: string;
  pack: LocalPack;
}

/** Fresh paths for a pack. */
export function cacheFiles(
  dir: string,
  repoId: string,
  hash: string,
  random = randomBytes(4).toString('hex'),
): CacheFiles {
  const path = (extension: string) => join(dir, `${repoId}.${hash}.${random}.${extension}`);
  return {
    key: `${repoId}/${hash}`,
    pack: { hash, packPath: path('pack'), idxPath: path('idx'), metaPath: path('meta') },
  };
}

function paths(pack: LocalPack): string[] {
  return [pack.packPath, pack.idxPath, pack.metaPath];
}

/** Bytes of the three files. */
export async function packSize(pack: LocalPack): Promise<number> {
  const infos = await Promise.all(paths(pack).map((path) => stat(path)));
  return infos.reduce((sum, info) => sum + info.size, 0);
}

export function packFilesPresent(files: CacheFiles): boolean {
  return paths(files.pack).every((path) => existsSync(path));
}

export async function removePack(files: CacheFiles): Promise<void> {
  await Promise.all(paths(files.pack).map((path) => rm(path, { force: true })));
}

/** Complete packs left by an earlier process; deletes incomplete ones, second copies and files in the making. */
export async function scanFolder(dir: string): Promise<{ files: CacheFiles; bytes: number }[]> {
  const found = new Map<string, CacheFiles>();
  const names = (await readdir(dir)).filter((name) => NAME.test(name) || name.endsWith('.tmp'));
  for (const name of names) {
    const parts = NAME.exec(name);
    if (parts === null) continue;
    const files = cacheFiles(dir, parts[1]!, parts[2]!, parts[3]!);
    if (
      !found.has(files.key) &&
      packFilesPresent(files) &&
      (await endsWithHash(files.pack.packPath, files.pack.hash))
    ) {
      found.set(files.key, files);
    }
  }
  const kept = new Set([...found.values()].flatMap((files) => paths(files.pack)));
  await Promise.all(
    names.map((name) => join(dir, name)).map((path) => (kept.has(path) ? undefined : rm(path, { force: true }))),
  );
  return Promise.all([...found.values()].map(async (files) => ({ files, bytes: await packSize(files.pack) })));
}

/**
 * Puts files of a pack under the cache's names without moving them: hard links, or copies across file systems.
 * @param durable as of {@link downloadPack}
 */
export async function linkPack(from: LocalPack, to: CacheFiles, durable: boolean): Promise<void> {
  const sources = paths(from);
  const targets = paths(to.pack);
  for (const [i, source] of sources.entries()) {
    await link(source, targets[i]!).catch(() => copyFile(source, targets[i]!));
    if (durable) await syncPath(targets[i]!);
  }
}

/**
 * Fetches a pack with index and sidecar. A sidecar that the store lacks is made again, and stored for the next node.
 * @param durable fsync the files, so that a cache kept across a host crash holds no holes
 * @param reserve told the size of the pack before its bytes are fetched
 * @returns bytes of the files
 */
export async function downloadPack(
  store: ObjectStore,
  repoId: string,
  files: CacheFiles,
  durable: boolean,
  reserve: (bytes: number) => Promise<void>,
): Promise<number> {
  const { hash, packPath, idxPath, metaPath } = files.pack;
  const fetch = (extension: 'pack' | 'idx' | 'meta', path: string, size: number) =>
    download(store, packKey(repoId, hash, extension), path, size, durable);
  try {
    const [pack, idx, meta] = await Promise.all(
      (['pack', 'idx', 'meta'] as const).map((extension) => store.head(packKey(repoId, hash, extension))),
    );
    if (pack === undefined || idx === undefined) throw new AppError('S3_OBJECT_NOT_FOUND');
    await reserve(pack.size + idx.size + (meta?.size ?? 0));
    await fetch('pack', packPath, pack.size);
    if (!(await endsWithHash(packPath, hash)))
      throw new AppError('OBJECT_CORRUPTED', { message: `Pack ${hash} does not match its name.` });
    await fetch('idx', idxPath, idx.size);
    if (meta !== undefined) await fetch('meta', metaPath, meta.size);
    else await restoreMeta(store, repoId, files.pack);
    return await packSize(files.pack);
  } catch (error) {
    await removePack(files).catch(() => {});
    throw error;
  }
}

/** Makes a missing sidecar again at `metaPath` and in the store. */
export async function restoreMeta(store: ObjectStore, repoId: string, pack: LocalPack): Promise<void> {
  const meta = rebuildMeta(pack.packPath, pack.idxPath);
  // Only a saving for other nodes: without it they rebuild too.
  await store.put(packKey(repoId, pack.hash, 'meta'), meta, { contentType: CONTENT_TYPES.meta }).catch(() => {});
  if (existsSync(pack.metaPath)) return;
  await writeFile(`${pack.metaPath}.tmp`, meta);
  await rename(`${pack.metaPath}.tmp`, pack.metaPath);
}

async function download(store: ObjectStore, key: string, path: string, size: number, durable: boolean): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    let bytes = 0;
    for await (const chunk of await store.stream(key)) {
      bytes += (chunk as Uint8Array).length;
      await file.writeFile(chunk as Uint8Array);
    }
    if (bytes !== size)
      throw new AppError('S3_DOWNLOAD_FAILED', { message: 'The object storage sent a body of the wrong size.' });
    if (durable) await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

async function endsWithHash(packPath: string, hash: string): Promise<boolean> {
  const file = await open(packPath, 'r');
  try {
    const { size } = await file.stat();
    const trailer = Buffer.alloc(TRAILER_BYTES);
    if (size < TRAILER_BYTES) return false;
    await file.read(trailer, 0, TRAILER_BYTES, size - TRAILER_BYTES);
    return trailer.toString('hex') === hash;
  } finally {
    await file.close();
  }
}
