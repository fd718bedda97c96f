/** What may be fetched, and turning wants into commits to walk from and single objects to send along. */
import { locateAll, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { type Oid, packOids } from '../git/oid.js';
import type { Ref } from '../refs/index.js';
import { visibleObjects } from './visible.js';

export interface ResolvedWants {
  /** Graph positions. */
  commits: number[];
  /** Annotated tags on the way to what is wanted. */
  tags: Oid[];
  /** Trees and blobs that were named, by themselves or through tags. */
  trees: Oid[];
  blobs: Oid[];
  /** Packs that hold the blobs. */
  blobPacks: string[];
}

/** Thrown for a want that the reader may not have; answered with an ERR packet. */
export class WantRefused extends Error {
  override readonly name = 'WantRefused';
  constructor(oid: Oid) {
    super(`upload-pack: not our ref ${oid}`);
  }
}

/**
 * Resolves wants. A want must be an object, of any type, that some ref reaches; partial clones fetch trees and blobs one
 * by one. Objects that merely exist are never served.
 * @throws WantRefused
 */
export async function resolveWants(
  ctx: AppContext,
  snapshot: Snapshot,
  refs: readonly Ref[],
  wants: readonly Oid[],
): Promise<ResolvedWants> {
  const { graph } = snapshot;
  const visible = await visibleObjects(snapshot, refs).select(ctx, wants);
  const commits = new Set<number>();
  const tags = new Set<Oid>();
  const others = new Set<Oid>();
  for (const want of wants) {
    if (!visible.has(want)) throw new WantRefused(want);
    let oid = want;
    for (let tag = graph.tag(oid); tag !== undefined; tag = graph.tag(oid)) {
      tags.add(oid);
      oid = tag.target;
    }
    const commit = graph.indexOf(oid);
    if (commit >= 0) commits.add(commit);
    else others.add(oid);
  }
  const oids = [...others];
  const located = await locateAll(ctx, snapshot, packOids(oids));
  const isTree = (_: Oid, i: number) => located[i]?.type === 'tree';
  const blobs = oids.filter((oid, i) => !isTree(oid, i));
  const blobPacks = new Set(located.flatMap((place) => (place?.type === 'blob' ? [place.packHash] : [])));
  return { commits: [...commits], tags: [...tags], trees: oids.filter(isTree), blobs, blobPacks: [...blobPacks] };
}
