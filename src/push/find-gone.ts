/** Pushes that were under way while objects were collected. */
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { ExtendedGraph, type RefCommand } from '../git/index.js';
import type { IndexResult } from '../packs/index.js';
import type { Repository } from '../repos/index.js';
import { checkTips, findMissing } from './connectivity.js';

/**
 * Checks again that everything a push needs is there.
 * @param basesVersion `versions.collected` of the snapshot that the bases of a thin pack were read from
 * @param pack undefined when the push brought none
 * @returns the version in which it is there, or a sentence that says what is not
 */
export async function findGone(
  ctx: AppContext,
  repo: Repository,
  basesVersion: number,
  pack: IndexResult | undefined,
  updates: readonly RefCommand[],
): Promise<number | string> {
  const snapshot = await loadSnapshot(ctx, repo.repoId);
  const { collected } = snapshot.versions;
  // What a base names is checked nowhere: it was received before. Now it may be gone, and the base with it.
  if (pack !== undefined && pack.appendedBases > 0 && collected !== basesVersion) {
    return 'the repository was cleaned up during the push; push again';
  }
  const missing = pack && (await findMissing(ctx, snapshot, pack));
  if (missing !== undefined) return `missing necessary objects (${missing})`;
  const graph = new ExtendedGraph(snapshot.graph, pack?.segment);
  const [refusal] = (await checkTips(ctx, snapshot, graph, updates, pack?.tipTypes ?? {})).values();
  return refusal?.reason ?? collected;
}
