/** The pack of a clone that ends some commits down from each ref (git-clone, `--depth`). */
import { type Snapshot, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { CommitGraph } from '../git/index.js';
import { type Oid, packOids } from '../git/oid.js';
import type { PreparedPack } from './prepare.js';
import type { ResolvedWants } from './wants.js';

export interface ShallowPack extends PreparedPack {
  /** Commits at the end of the history: they are in the pack, their parents may not be. */
  shallow: Oid[];
}

/**
 * Makes the pack ready on the local disk.
 * @param depth 1 = the wanted commits alone
 * @throws as {@link preparePack}
 */
export async function prepareAtDepth(
  ctx: AppContext,
  snapshot: Snapshot,
  wants: ResolvedWants,
  depth: number,
): Promise<ShallowPack> {
  const { graph } = snapshot;
  const { commits, border } = withinDepth(graph, wants.commits, depth);
  const path = ctx.spool.newFile('pack');
  const none = new Uint8Array();
  const hashes = snapshot.packs.map((pack) => pack.hash);
  const built = await withPacks(ctx, snapshot, hashes, (packs) =>
    ctx.engine.build({
      packs,
      wholePacks: [],
      commits: graph.pack(commits, 'oids'),
      trees: Buffer.concat([graph.pack(commits, 'trees'), packOids(wants.trees)]),
      boundaryCommits: none,
      boundaryTrees: none,
      extra: packOids([...wants.tags, ...wants.blobs]),
      thin: false,
      ofsDelta: true,
      outPath: path,
    }),
  );
  const shallow = border.map((commit) => graph.oid(commit));
  return { path, objects: built.objects, bytes: built.bytes, shallow, release: () => ctx.spool.remove(path) };
}

/**
 * Commits at most `depth` down on the shortest way, parents first; of those at the very depth git counts even roots as
 * border.
 */
function withinDepth(
  graph: CommitGraph,
  heads: readonly number[],
  depth: number,
): { commits: number[]; border: number[] } {
  const commits = new Set(heads);
  let level = [...commits];
  for (let down = 1; down < depth && level.length > 0; down++) {
    const next = new Set(level.flatMap((commit) => graph.parents(commit)).filter((parent) => !commits.has(parent)));
    for (const commit of next) commits.add(commit);
    level = [...next];
  }
  const ascending = (rows: Iterable<number>) => [...rows].sort((left, right) => left - right);
  return { commits: ascending(commits), border: ascending(level) };
}
