/**
 * Ids are trusted to stand for one content. Should a push bring an object whose id the repository has already, the two
 * are compared, so that no collision, known or new, can ever replace what others have fetched.
 *
 * Ordinary pushes bring next to nothing twice: git sends what the server lacks. So the cost is one look-up per object
 * in indexes that are at hand for the connectivity check anyway, and bytes are read only for what is really there.
 */
import { locateAll, type PackFiles, readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Oid } from '../git/oid.js';
import type { IdxReader } from '../git/pack/idx-reader.js';
import type { IndexResult, PackIndex } from '../packs/index.js';

/** Objects and bytes compared in one push; beyond it type and size must do, as a re-sent history is no attack. */
const MAX_COMPARED = 500;
const MAX_COMPARED_BYTES = 64 * 1024 * 1024;

/** @returns the first id of the pack under which the repository has other bytes */
export async function findImpostor(
  ctx: AppContext,
  snapshot: Snapshot,
  files: PackFiles,
  pack: IndexResult,
  { idx, meta }: PackIndex,
): Promise<Oid | undefined> {
  if (snapshot.packs.some(({ hash }) => hash === pack.hash)) return undefined;
  const stored = await locateAll(ctx, snapshot, idx.oids);
  const isAppended = appendedFrom(idx, pack);
  let compared = 0;
  let bytes = 0;
  for (const [position, location] of stored.entries()) {
    if (location === undefined) continue;
    const oid = idx.oid(position);
    if (location.type !== meta.type(position) || location.size !== meta.size(position)) return oid;
    const size = location.size ?? Number.POSITIVE_INFINITY;
    if (isAppended(position) || compared === MAX_COMPARED || bytes + size > MAX_COMPARED_BYTES) continue;
    compared++;
    bytes += size;
    const [ours, theirs] = await Promise.all([
      readObject(ctx, snapshot, oid),
      ctx.engine.read([{ hash: pack.hash, ...files }], oid),
    ]);
    if (ours === undefined || theirs === undefined || Buffer.compare(ours.data, theirs.data) !== 0) return oid;
  }
  return undefined;
}

/** Tells the bases that we appended to complete the pack: they were copied from the repository itself. */
function appendedFrom(idx: IdxReader, pack: IndexResult): (position: number) => boolean {
  if (pack.appendedBases === 0) return () => false;
  const offsets = Float64Array.from({ length: idx.count }, (_, i) => idx.offset(i)).sort();
  const first = offsets[pack.objects]!;
  return (position) => idx.offset(position) >= first;
}
