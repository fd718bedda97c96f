/** What is left of a pack out of a shallow clone when the history that is cut off is taken away. */
import { type PackFiles, type Snapshot, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { CommitGraph } from '../git/index.js';
import { OBJECT_TYPES } from '../git/objects/type.js';
import { OID_BYTES, type Oid, oidAt, packOids } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import { findMissing } from './connectivity.js';

/**
 * Replaces a received pack by one with only what the accepted refs need of it, so that nothing stored lacks a parent.
 * @param files of the received pack; afterwards those of the new one
 * @param tips new values of the accepted refs that are in the received pack
 * @returns the new pack, or a sentence that names an object that is missing for another reason
 */
export async function keepWhole(
  ctx: AppContext,
  snapshot: Snapshot,
  received: IndexResult,
  files: PackFiles,
  tips: readonly Oid[],
): Promise<{ pack: IndexResult } | { missing: string }> {
  const broken = await findMissing(ctx, snapshot, withoutParents(snapshot, received));
  if (broken !== undefined) return { missing: broken };
  const graph = snapshot.graph.withSegment(received.segment);
  const { commits, boundary, single } = select(snapshot.graph, graph, tips);
  const made = {
    packPath: ctx.spool.newFile('pack'),
    idxPath: ctx.spool.newFile('idx'),
    metaPath: ctx.spool.newFile('meta'),
  };
  try {
    const hashes = snapshot.packs.map((pack) => pack.hash);
    await withPacks(ctx, snapshot, hashes, (stored) =>
      ctx.engine.build({
        packs: [{ hash: received.hash, ...files }, ...stored],
        wholePacks: [],
        commits: graph.pack(commits, 'oids'),
        trees: graph.pack(commits, 'trees'),
        boundaryCommits: graph.pack(boundary, 'oids'),
        boundaryTrees: graph.pack(boundary, 'trees'),
        extra: packOids(single),
        thin: false,
        ofsDelta: true,
        outPath: made.packPath,
      }),
    );
    const pack = await ctx.engine.index(
      {
        ...made,
        limits: ctx.config.receiveLimits,
        tips: [...tips],
        looseUpTo: ctx.config.UNPACK_LIMIT,
        // Every object was looked at when the pack was received.
        collisionCheck: false,
      },
      { find: async () => undefined },
    );
    await ctx.spool.remove(...Object.values(files));
    Object.assign(files, made);
    const missing = await findMissing(ctx, snapshot, pack);
    return missing === undefined ? { pack } : { missing };
  } catch (error) {
    await ctx.spool.remove(...Object.values(made));
    throw error;
  }
}

/** The pack as if it named no commits that are stored nowhere: those behind the client's border. */
function withoutParents(snapshot: Snapshot, pack: IndexResult): IndexResult {
  const { externalOids: oids, externalTypes: types } = pack;
  const rest = [...types.keys()].filter(
    (i) => types[i] !== OBJECT_TYPES.commit || snapshot.graph.has(oidAt(oids, i * OID_BYTES)),
  );
  return {
    ...pack,
    externalOids: Buffer.concat(rest.map((i) => oids.subarray(i * OID_BYTES, (i + 1) * OID_BYTES))),
    externalTypes: Uint8Array.from(rest, (i) => types[i]!),
  };
}

/** Commits of the pack that the tips reach, parents first, their stored parents, and tags and single objects. */
function select(stored: CommitGraph, graph: CommitGraph, tips: readonly Oid[]) {
  const single = new Set<Oid>();
  const reached = new Set<number>();
  const boundary = new Set<number>();
  for (const tip of tips) {
    let oid = tip;
    for (let tag = graph.tag(oid); tag !== undefined && !single.has(oid); tag = graph.tag(oid)) {
      single.add(oid);
      oid = tag.target;
    }
    const commit = graph.indexOf(oid);
    if (commit < 0) single.add(oid);
    else (stored.has(oid) ? boundary : reached).add(commit);
  }
  for (const commit of reached) {
    for (const parent of graph.parents(commit)) (stored.has(graph.oid(parent)) ? boundary : reached).add(parent);
  }
  return { commits: [...reached].sort((a, b) => a - b), boundary: [...boundary], single: [...single] };
}
