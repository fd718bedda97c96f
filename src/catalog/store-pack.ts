/**
 * Puts a pack into the object store: pack, then index and sidecar, and the loose objects of a small one.
 *
 * Nobody sees any of it before the catalog row commits. A crash in between leaves files that only `staged_packs` names;
 * the clean-up job removes them after a day. They are not removed at once on failure: the same pack may be on its way in
 * another request, and files are named by content.
 */
import type { AppContext } from '../context.js';
import type { IndexResult, LooseObject } from '../packs/index.js';
import { forEachParallel } from '../parallel.js';
import { CONTENT_TYPES, looseKey, packKey } from '../storage/index.js';
import { stagePack } from './store.js';

/** Loose objects written at once; more only queues inside the driver. */
const LOOSE_LANES = 16;

export interface PackFiles {
  packPath: string;
  idxPath: string;
  metaPath: string;
}

export async function storePack(ctx: AppContext, repoId: string, pack: IndexResult, files: PackFiles): Promise<void> {
  await stagePack(ctx.db, repoId, pack.hash);
  const put = (path: string, extension: 'pack' | 'idx' | 'meta') =>
    ctx.objects.putFile(packKey(repoId, pack.hash, extension), path, { contentType: CONTENT_TYPES[extension] });
  await put(files.packPath, 'pack');
  await Promise.all([put(files.idxPath, 'idx'), put(files.metaPath, 'meta'), storeLoose(ctx, repoId, pack.loose)]);
}

/** Stores objects in git's loose format, several at a time. Bodies that came as files are deleted then. */
export async function storeLoose(ctx: AppContext, repoId: string, objects: readonly LooseObject[]): Promise<void> {
  try {
    await forEachParallel(objects, LOOSE_LANES, async ({ oid, type, size, body, bodyPath }) => {
      const key = looseKey(repoId, oid);
      const metadata = { 'x-git-object-type': type, 'x-git-object-size': String(size) };
      const options = { contentType: CONTENT_TYPES.loose, metadata };
      await (bodyPath === undefined
        ? ctx.objects.put(key, body, options)
        : ctx.objects.putFile(key, bodyPath, options));
    });
  } finally {
    await ctx.spool.remove(...objects.flatMap(({ bodyPath }) => bodyPath ?? []));
  }
}
