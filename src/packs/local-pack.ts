/** Packs that an object store has on this machine's disk already, and the small files of any local pack. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AppError } from '../errors.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { MetaReader } from '../git/pack/meta.js';
import { type ObjectStore, packKey } from '../storage/index.js';
import { restoreMeta } from './cache-files.js';
import type { IndexResult, LocalPack } from './contract.js';

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

/** Index and sidecar of a pack that this node has indexed just now. @throws AppError OBJECT_CORRUPTED */
export async function readFreshIndex(pack: LocalPack, { tables }: Pick<IndexResult, 'tables'>): Promise<PackIndex> {
  return tables === undefined ? readIndexFiles(pack) : parseIndex(pack.hash, tables.idx, tables.meta);
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
