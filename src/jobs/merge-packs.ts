/** Merging a run of packs of a repository into one. */
import {
  ExchangeRefused,
  exchangePacks,
  loadSegments,
  pinAll,
  reduceTips,
  type Snapshot,
  type StoredPack,
  storePack,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { mergeSegments } from '../git/index.js';
import { packOids } from '../git/oid.js';

/**
 * Merges neighbours. A crash at any point leaves either the old packs or the new one in use; files of a merged pack that
 * never came into use are found by their `staged_packs` row.
 * @throws ExchangeRefused when the packs are not what the snapshot says any more
 */
export async function mergePacks(ctx: AppContext, snapshot: Snapshot, run: readonly StoredPack[]): Promise<void> {
  const { repoId, graph } = snapshot;
  const started = performance.now();
  const hashes = run.map((pack) => pack.hash);
  const files = {
    packPath: ctx.spool.newFile('pack'),
    idxPath: ctx.spool.newFile('idx'),
    metaPath: ctx.spool.newFile('meta'),
  };
  try {
    const [merged] = await pinAll(
      ctx,
      run,
      async (packs) => (await ctx.engine.combine({ packs, outputs: [files] })).packs,
    );
    const segments = await loadSegments(ctx.db, repoId, hashes);
    if (merged === undefined || segments.length !== run.length) throw new ExchangeRefused();
    await ctx.faultPoint('compact.merged');
    await storePack(ctx, repoId, { hash: merged.hash, loose: [] }, files);
    await ctx.faultPoint('compact.stored');
    const pack = {
      ...merged,
      // An appended base was received with an earlier pack, as before.
      tight: run.every(({ tight }) => tight),
      tips: packOids(
        reduceTips(
          graph,
          run.flatMap(({ tips }) => tips),
        ),
      ),
      segment: mergeSegments(segments),
    };
    await ctx.db.transaction((tx) =>
      exchangePacks(tx, repoId, { retired: hashes, state: 'superseded', packs: [pack] }),
    );
    await ctx.faultPoint('compact.exchanged');
    await ctx.packCache.adopt(repoId, merged.hash, { hash: merged.hash, ...files });
    const ms = Math.round(performance.now() - started);
    ctx.log.info(
      { repoId, pack: merged.hash, packs: run.length, objects: merged.objects, bytes: merged.bytes, ms },
      'packs merged',
    );
  } finally {
    await ctx.spool.remove(...Object.values(files));
  }
}
