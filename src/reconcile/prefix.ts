/** What lies below the prefix of a repository, against what the catalog says should. */
import type { AppContext } from '../context.js';
import { packKey, repositoryPrefix, type StoredInfo } from '../storage/index.js';
import { isActive, selectCatalog } from './store.js';

const PACK = /^objects\/pack\/pack-([0-9a-f]{40})\.(pack|idx)$/;
const SIDECAR = /^gitclaw\/pack-([0-9a-f]{40})\.meta$/;
/** Loose objects, and files of ours that other records than the catalog name. */
const OTHER = /^(objects\/[0-9a-f]{2}\/[0-9a-f]{38}$|gitclaw\/)/;

export interface PrefixComparison {
  keys: number;
  /** Keys of packs in use that are not there. */
  missing: string[];
  wrongSize: { key: string; expected: number; actual: number }[];
  /** Keys that nothing speaks for. Of packs, `hash` tells which. */
  unknown: { key: string; hash: string | undefined; modifiedAt: Date; size: number }[];
}

/**
 * @param settledBefore what was written later is not called unknown: its push may not have committed yet
 * @throws AppError of the object store or the database
 */
export async function comparePrefix(ctx: AppContext, repoId: string, settledBefore: Date): Promise<PrefixComparison> {
  const prefix = repositoryPrefix(repoId);
  const packs = new Map<string, StoredInfo>();
  const strange: StoredInfo[] = [];
  let keys = 0;
  for await (const info of ctx.objects.list(prefix)) {
    keys += 1;
    const name = info.key.slice(prefix.length);
    if (PACK.test(name) || SIDECAR.test(name)) packs.set(name, info);
    else if (!OTHER.test(name)) strange.push(info);
  }
  // After the listing: the row of a pack that was listed, if there ever is one, was there or its files are young.
  const catalog = await selectCatalog(ctx.db, repoId);
  const found: PrefixComparison = { keys, missing: [], wrongSize: [], unknown: [] };
  for (const { hash, bytes, active } of catalog.values()) {
    if (!active) continue;
    for (const extension of ['pack', 'idx'] as const) {
      const key = packKey(repoId, hash, extension);
      const size = packs.get(key.slice(prefix.length))?.size ?? (await ctx.objects.head(key))?.size;
      const isWrong = size === undefined || (extension === 'pack' && size !== bytes);
      if (!isWrong || !(await isActive(ctx.db, repoId, hash))) continue;
      if (size === undefined) found.missing.push(key);
      else found.wrongSize.push({ key, expected: bytes, actual: size });
    }
  }
  for (const [name, { key, modifiedAt, size }] of packs) {
    const hash = (PACK.exec(name) ?? SIDECAR.exec(name))?.[1];
    if (hash !== undefined && !catalog.has(hash) && modifiedAt < settledBefore)
      found.unknown.push({ key, hash, modifiedAt, size });
  }
  for (const { key, modifiedAt, size } of strange)
    if (modifiedAt < settledBefore) found.unknown.push({ key, hash: undefined, modifiedAt, size });
  return found;
}
