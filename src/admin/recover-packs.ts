/**
 * Rebuilds the catalog of a repository from the packs below its prefix. Nothing but the packs is believed: each is
 * verified and indexed again, as if it had just been pushed, and index and sidecar are stored anew.
 */
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { decodeSegment } from '../git/graph/segment.js';
import { OID_BYTES, type Oid, oidAt } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import { CONTENT_TYPES, packKey, repositoryPrefix } from '../storage/index.js';

export interface RecoveredPack {
  hash: string;
  bytes: number;
  objects: number;
  tight: boolean;
  tips: Oid[];
  segment: Uint8Array;
}

/**
 * The packs of a prefix in an order in which each needs only objects of itself and of earlier ones.
 * @param pushedTips new values of the refs that came with a pack, by its hash, as far as they are known
 * @throws AppError OBJECT_CORRUPTED with details `{pack}`; S3_OBJECT_NOT_FOUND with details `{oid}` when an object that
 *   others name is in no pack
 */
export async function recoverPacks(
  ctx: AppContext,
  repoId: string,
  pushedTips: ReadonlyMap<string, Oid[]>,
): Promise<RecoveredPack[]> {
  const waiting: { pack: RecoveredPack; open: number[]; oids: Uint8Array; looked: number }[] = [];
  for (const hash of await packHashes(ctx, repoId)) {
    const { result, tips } = await indexAgain(ctx, repoId, hash, pushedTips.get(hash));
    const { packBytes: bytes, objects, tight, segment, externalOids: oids } = result;
    const open = Array.from({ length: oids.length / OID_BYTES }, (_, i) => i * OID_BYTES);
    waiting.push({ pack: { hash, bytes, objects, tight, tips, segment }, open, oids, looked: 0 });
  }
  const ordered: RecoveredPack[] = [];
  while (waiting.length > 0) {
    const ready: typeof waiting = [];
    for (const one of waiting) {
      for (; one.looked < ordered.length && one.open.length > 0; one.looked++) {
        const { idx } = await ctx.packCache.readSmall(repoId, ordered[one.looked]!.hash);
        one.open = one.open.filter((at) => idx.find(one.oids, at) < 0);
      }
      if (one.open.length === 0) ready.push(one);
    }
    if (ready.length === 0) {
      const [{ oids, open }] = waiting as [(typeof waiting)[0]];
      throw new AppError('S3_OBJECT_NOT_FOUND', {
        message: 'The stored packs are not complete: an object that others name is missing.',
        details: { oid: oidAt(oids, open[0]!) },
      });
    }
    for (const one of ready) {
      ordered.push(one.pack);
      waiting.splice(waiting.indexOf(one), 1);
    }
  }
  return ordered;
}

/** Oldest first. */
async function packHashes(ctx: AppContext, repoId: string): Promise<string[]> {
  const found: { hash: string; at: number }[] = [];
  for await (const { key, modifiedAt } of ctx.objects.list(`${repositoryPrefix(repoId)}objects/pack/`)) {
    const hash = /\/pack-([0-9a-f]{40})\.pack$/.exec(key)?.[1];
    if (hash !== undefined) found.push({ hash, at: modifiedAt.getTime() });
  }
  return found.sort((a, b) => a.at - b.at).map(({ hash }) => hash);
}

async function indexAgain(
  ctx: AppContext,
  repoId: string,
  hash: string,
  pushed: Oid[] | undefined,
): Promise<{ result: IndexResult; tips: Oid[] }> {
  const stream = await ctx.objects.stream(packKey(repoId, hash, 'pack'));
  const { path: packPath } = await ctx.spool.receive(stream, { maxBytes: Number.MAX_SAFE_INTEGER });
  const idxPath = ctx.spool.newFile('idx');
  const metaPath = ctx.spool.newFile('meta');
  const index = (tips: Oid[]) =>
    ctx.engine.index(
      { packPath, idxPath, metaPath, limits: ctx.config.receiveLimits, tips, looseUpTo: 0 },
      { find: async () => undefined },
    );
  try {
    let tips = pushed ?? [];
    let result = await index(tips);
    if (pushed === undefined) {
      tips = headsOf(result.segment);
      // Whether everything is reachable from the heads can be told only once they are known.
      result = await index(tips);
    }
    if (result.hash !== hash) throw new AppError('INVALID_PACKFILE');
    await ctx.objects.putFile(packKey(repoId, hash, 'idx'), idxPath, { contentType: CONTENT_TYPES.idx });
    await ctx.objects.putFile(packKey(repoId, hash, 'meta'), metaPath, { contentType: CONTENT_TYPES.meta });
    return { result, tips };
  } catch (error) {
    if (error instanceof AppError && ['INVALID_PACKFILE', 'INVALID_OBJECT'].includes(error.code)) {
      throw new AppError('OBJECT_CORRUPTED', { details: { pack: hash }, cause: error });
    }
    throw error;
  } finally {
    await ctx.spool.remove(packPath, idxPath, metaPath);
  }
}

/** Commits that no commit of the pack has as parent and no tag points at, and tags that no tag points at. */
export function headsOf(...segments: Uint8Array[]): Oid[] {
  const heads = new Map<Oid, true>();
  const named = new Set<Oid>();
  for (const { commits, tags } of segments.map(decodeSegment)) {
    for (const { oid, parents } of commits) {
      heads.set(oid, true);
      for (const parent of parents) named.add(parent);
    }
    for (const { oid, target } of tags) {
      heads.set(oid, true);
      named.add(target);
    }
  }
  return [...heads.keys()].filter((oid) => !named.has(oid));
}
