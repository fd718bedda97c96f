/** What a repository's readers are told of bundles. */
import type { Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { visibleObjects } from '../fetch/index.js';
import type { OfferedBundle } from '../git/index.js';
import { unpackOids } from '../git/oid.js';
import type { Ref } from '../refs/index.js';
import { bundleKey } from '../storage/index.js';
import { currentBundle, retireBundle } from './store.js';

/**
 * The bundles that a reader may take, as links that expire.
 *
 * A bundle holds what refs reached when it was made. As soon as one of them was deleted or rewritten it may hold what
 * no ref reaches any more, which nobody may get: then it is not offered again.
 */
export async function offeredBundles(
  ctx: AppContext,
  repoId: string,
  snapshot: Snapshot,
  refs: readonly Ref[],
): Promise<OfferedBundle[]> {
  if (!ctx.config.GITCLAW_BUNDLE_URI || ctx.objects.link === undefined) return [];
  const bundle = await currentBundle(ctx.db, repoId);
  if (bundle === undefined) return [];
  const { bundleId: id, tips } = bundle;
  const named = new Set(refs.map(({ oid }) => oid));
  const visible = visibleObjects(snapshot, refs);
  if (!unpackOids(tips).every((oid) => named.has(oid) || visible.hasCommit(snapshot.graph.indexOf(oid)))) {
    await retireBundle(ctx.db, id);
    return [];
  }
  return [{ id, url: await ctx.objects.link(bundleKey(repoId, id), ctx.config.GITCLAW_LINK_SECS) }];
}
