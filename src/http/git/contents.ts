/** What a fetch is answered from. */
import { knownSnapshot, loadSnapshot, type Snapshot } from '../../catalog/index.js';
import type { AppContext } from '../../context.js';
import { knownRefs, listRefs, type Ref } from '../../refs/index.js';
import type { Repository } from '../../repos/index.js';

export interface Contents {
  refs: readonly Ref[];
  /** At least as new as the refs. */
  snapshot: Snapshot;
}

/**
 * The refs of a repository and the packs with what they reach, at least as new as the repository was read. Where the node
 * has both as of that moment, the database is not asked again.
 */
export async function readContents(ctx: AppContext, repo: Repository): Promise<Contents> {
  const { repoId, refsVersion } = repo;
  const refs = knownRefs(ctx, repoId, refsVersion);
  const snapshot = refs && knownSnapshot(ctx, repo);
  if (refs !== undefined && snapshot !== undefined) return { refs, snapshot };
  // One after the other: refs of a push that commits in between are found in its pack only this way round.
  const loaded = refs ?? (await listRefs(ctx, repoId, refsVersion));
  return { refs: loaded, snapshot: await loadSnapshot(ctx, repoId) };
}
