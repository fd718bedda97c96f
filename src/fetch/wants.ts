/** What may be fetched, and turning wants into commits to walk from and single objects to send along. */
import { locate, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Oid } from '../git/oid.js';
import type { Ref } from '../refs/index.js';

export interface ResolvedWants {
  /** Graph positions. */
  commits: number[];
  /** Annotated tags on the way to what is wanted. */
  tags: Oid[];
  /** Trees and blobs that refs point at, directly or through tags. */
  trees: Oid[];
  blobs: Oid[];
}

/** Thrown for a want that the reader may not have; answered with an ERR packet. */
export class WantRefused extends Error {
  override readonly name = 'WantRefused';
  constructor(oid: Oid) {
    super(`upload-pack: not our ref ${oid}`);
  }
}

/**
 * Resolves wants. A want must be the value of a ref, or a commit that some ref reaches: objects that merely exist, such
 * as those of a deleted branch, are never served (`allow-reachable-sha1-in-want`).
 * @throws WantRefused
 */
export async function resolveWants(
  ctx: AppContext,
  snapshot: Snapshot,
  refs: readonly Ref[],
  wants: readonly Oid[],
): Promise<ResolvedWants> {
  const { graph } = snapshot;
  const tips = new Set(refs.flatMap((ref) => [ref.oid, ...(ref.peeled === undefined ? [] : [ref.peeled])]));
  let reachable: Set<number> | undefined;
  const found = { commits: new Set<number>(), tags: new Set<Oid>(), trees: new Set<Oid>(), blobs: new Set<Oid>() };
  for (const want of wants) {
    if (!tips.has(want)) {
      reachable ??= new Set(graph.reachable(tipCommits(snapshot, refs), []));
      if (!reachable.has(graph.indexOf(want))) throw new WantRefused(want);
    }
    let oid = want;
    for (let tag = graph.tag(oid); tag !== undefined; tag = graph.tag(oid)) {
      found.tags.add(oid);
      oid = tag.target;
    }
    const commit = graph.indexOf(oid);
    if (commit >= 0) found.commits.add(commit);
    else if ((await locate(ctx, snapshot, oid))?.type === 'tree') found.trees.add(oid);
    else found.blobs.add(oid);
  }
  return { commits: [...found.commits], tags: [...found.tags], trees: [...found.trees], blobs: [...found.blobs] };
}

/** Graph positions of the commits that refs point at, through tags too. */
export function tipCommits(snapshot: Snapshot, refs: readonly Ref[]): number[] {
  const commits = refs.map((ref) => snapshot.graph.indexOf(ref.peeled ?? ref.oid)).filter((commit) => commit >= 0);
  return [...new Set(commits)];
}
