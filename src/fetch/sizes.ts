/** Sizes of single objects, for clients that decide by them what to fetch (gitprotocol-v2, "object-info"). */
import type { Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { type Oid, oidToBytes } from '../git/oid.js';
import type { Ref } from '../refs/index.js';
import { visibleObjects } from './visible.js';

/** Content sizes in bytes of those of the objects that refs reach. */
export async function objectSizes(
  ctx: AppContext,
  snapshot: Snapshot,
  refs: readonly Ref[],
  oids: readonly Oid[],
): Promise<Map<Oid, number>> {
  const sizes = new Map<Oid, number>();
  const open = await visibleObjects(snapshot, refs).select(ctx, oids);
  for (const pack of snapshot.packs) {
    if (open.size === 0) break;
    const { idx, meta } = await ctx.packCache.readSmall(pack.storedIn, pack.hash);
    for (const oid of open) {
      const at = idx.find(oidToBytes(oid), 0);
      const size = at < 0 ? undefined : meta.size(at);
      if (size === undefined) continue;
      sizes.set(oid, size);
      open.delete(oid);
    }
  }
  return sizes;
}
