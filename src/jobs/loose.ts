/** Deletes loose objects that nothing in a repository needs any more. They are named by lists, never found by listing. */
import { setImmediate as breathe } from 'node:timers/promises';
import { allPacks, holdLoose } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { OID_BYTES, oidAt } from '../git/oid.js';
import { looseKey } from '../storage/index.js';

/** Objects looked up at a time; about a millisecond of the event loop for each ten packs. */
const BATCH = 1000;

/**
 * Deletes the loose objects of a pack that no other pack of the repository has, active or retired.
 * @returns how many; undefined when a push is writing loose objects that cannot be known, so that it must be tried later
 */
export async function deleteLooseOf(ctx: AppContext, repoId: string, hash: string): Promise<number | undefined> {
  const { idx } = await ctx.packCache.readSmall(repoId, hash);
  let deleted = 0;
  for (const batch of batches(idx.oids)) {
    const done = await ctx.db.transaction((tx) => deleteUnneeded(ctx, tx, repoId, batch, hash));
    if (done === undefined) return undefined;
    deleted += done;
    await breathe();
  }
  return deleted;
}

/** @param oids 20 bytes each */
export function* batches(oids: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < oids.length; from += BATCH * OID_BYTES) yield oids.subarray(from, from + BATCH * OID_BYTES);
}

/**
 * Deletes those of a batch that no pack of the repository has and no push may be writing. Pushes that are about to begin
 * wait until the transaction ends, and write them anew.
 * @param except the pack that does not count
 * @param mayGo asked within the lock; false = nothing is to be deleted after all
 * @returns how many; undefined when it cannot be known now what pushes write
 */
export async function deleteUnneeded(
  ctx: AppContext,
  tx: Tx,
  repoId: string,
  oids: Uint8Array,
  except: string,
  mayGo: () => Promise<boolean> = async () => true,
): Promise<number | undefined> {
  const writing = await holdLoose(tx, repoId, oids);
  if (writing === undefined) return undefined;
  if (!(await mayGo())) return 0;
  let alone = Array.from({ length: oids.length / OID_BYTES }, (_, i) => i).filter((i) => !writing.has(i));
  for (const { storedIn, hash } of await allPacks(tx, repoId)) {
    if (hash === except) continue;
    const { idx } = await ctx.packCache.readSmall(storedIn, hash);
    alone = alone.filter((i) => idx.find(oids, i * OID_BYTES) < 0);
  }
  if (alone.length > 0) await ctx.objects.delete(alone.map((i) => looseKey(repoId, oidAt(oids, i * OID_BYTES))));
  return alone.length;
}
