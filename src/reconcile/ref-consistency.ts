/** Check `ref_consistency`: what a ref points at is in the catalog and in the object store. */
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { listRefs, type Ref } from '../refs/index.js';
import { findRepositoryById } from '../repos/index.js';
import { type Check, ofRepository } from './contract.js';
import { eachRepository } from './each-repository.js';
import { refsWithoutObject, StoredPacks } from './lost-refs.js';

/** Each costs a few queries, and a call to the object store per pack that refs point into. */
const REPOSITORIES = 100;

export const refConsistency: Check = {
  type: 'ref_consistency',
  everySecs: (config) => config.RECONCILE_REFS_SECS,
  pauseSecs: 5,
  run: (ctx, cursor, stop) =>
    eachRepository(ctx, { cursor, limit: REPOSITORIES, stop }, async (repoId, drifts) => {
      const { refs, lost } = await orphanedRefs(ctx, repoId);
      for (const { name, oid } of lost) drifts.push(ofRepository('orphaned_ref', repoId, { ref_name: name, oid }));
      return refs;
    }),
};

async function orphanedRefs(ctx: AppContext, repoId: string): Promise<{ refs: number; lost: Ref[] }> {
  const refs = await currentRefs(ctx, repoId);
  // Packs after refs: what a ref points at was there before the ref.
  const lost = await refsWithoutObject(ctx, await loadSnapshot(ctx, repoId), refs, new StoredPacks(ctx));
  if (lost.length === 0) return { refs: refs.length, lost };
  // A ref that moved or went meanwhile may have taken its pack along.
  const now = new Map((await currentRefs(ctx, repoId)).map(({ name, oid }) => [name, oid]));
  return { refs: refs.length, lost: lost.filter(({ name, oid }) => now.get(name) === oid) };
}

/** Refs of a repository as they are now; none when it is gone. */
export async function currentRefs(ctx: AppContext, repoId: string): Promise<readonly Ref[]> {
  const repo = await findRepositoryById(ctx.db, repoId);
  return repo === undefined ? [] : listRefs(ctx, repoId, repo.refsVersion);
}
