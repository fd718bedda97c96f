/** Packs that an object store has on this machine's disk already, and the small files of any local pack. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AppError } from '../errors.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { MetaReader } from '../git/pack/meta.js';
import { type ObjectStore, packKey } from '../storage/index.js';
import { restoreMeta } from './cache-files.js';
import type { LocalPack } from './contract.js';

/** The index of about a thousand objects. */
const ON_THE_SPOT_BYTES = 32 * 1024;

/** What answers whether an object exists and what it is. Positions are index order in both. */
export interface PackIndex {
  idx: IdxReader;
  meta: MetaReader;
}

/**
 * The pack in place, or undefined for stores that keep nothing on this disk.
 * @throws AppError S3_OBJECT_NOT_FOUND
 */
export async function openLocal(store: ObjectStore, repoId: string, hash: string): Promise<LocalPack | undefined> {
  const path = (extension: 'pack' | 'idx' | 'meta') => store.localPath(packKey(repoId, hash, extension));
  const [packPath, idxPath, metaPath] = [path('pack'), path('idx'), path('meta')];
  if (packPath === undefined || idxPath === undefined || metaPath === undefined) return undefined;
  const pack = { hash, packPath, idxPath, metaPath };
  if (!existsSync(packPath) || !existsSync(idxPath)) throw new AppError('S3_OBJECT_NOT_FOUND');
  if (!existsSync(metaPath)) await restoreMeta(store, repoId, pack);
  return pack;
}

/** Reads index and sidecar of a local pack. @throws AppError OBJECT_CORRUPTED */
export async function readIndexFiles(pack: LocalPack): Promise<PackIndex> {
  const [idx, meta] = await Promise.all([readFile(pack.idxPath), readFile(pack.metaPath)]);
  return parseIndex(pack.hash, idx, meta);
}

/**
 * Reads index and sidecar of a pack that this node has written just now, so that they are in the system's page cache:
 * small ones are read on the spot, as each trip to the thread pool costs more than the read.
 * @throws AppError OBJECT_CORRUPTED
 */
export async function readFreshIndex(pack: LocalPack): Promise<PackIndex> {
  const small = [pack.idxPath, pack.metaPath].every((path) => statSync(path).size <= ON_THE_SPOT_BYTES);
  return small ? parseIndex(pack.hash, readFileSync(pack.idxPath), readFileSync(pack.metaPath)) : readIndexFiles(pack);
}

/** @throws AppError OBJECT_CORRUPTED when the two are unreadable or do not belong together */
export function parseIndex(hash: string, idx: Uint8Array, meta: Uint8Array): PackIndex {
  try {
    const index = { idx: new IdxReader(idx), meta: new MetaReader(meta) };
    if (index.idx.count === index.meta.count) return index;
  } catch (error) {
    throw new AppError('OBJECT_CORRUPTED', { message: `The index of pack ${hash} cannot be read.`, cause: error });
  }
  throw new AppError('OBJECT_CORRUPTED', { message: `The index of pack ${hash} does not match its sidecar.` });
}
