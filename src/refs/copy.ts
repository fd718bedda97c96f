/** Refs for the verbs that make and change whole repositories. Call these with the repository's row locked. */
import type { Tx } from '../db/index.js';
import { bumpRefsVersion, insertRefsOf, refExists } from './store.js';

/**
 * Gives a new repository the refs of another, except those of its pull requests.
 * @param sourceId locked at least FOR SHARE, so that no push moves a ref between this and the copy of its packs
 * @returns how many refs were copied
 */
export async function copyRefs(tx: Tx, sourceId: string, repoId: string): Promise<number> {
  const count = await insertRefsOf(tx, sourceId, repoId);
  if (count > 0) await bumpRefsVersion(tx, repoId);
  return count;
}

/** @param branch without `refs/heads/` */
export function branchExists(tx: Tx, repoId: string, branch: string): Promise<boolean> {
  return refExists(tx, repoId, `refs/heads/${branch}`);
}
