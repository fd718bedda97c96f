/**
 * Rewrites the packs of a repository without what no root reaches. The packs that held it are condemned: they stay for a
 * time, no push finds anything in them, and they can be made active again.
 *
 * Why nothing in use can get lost. What is kept is everything that roots reach, so the new packs name nothing outside.
 * Pushes that commit while they are made are looked at before the exchange: whatever their objects name, and whatever
 * refs point at now, must be kept or theirs. The exchange happens only while the refs are those that were looked at. A
 * push that commits later sees under the lock that objects were collected, and looks again for what it needs.
 */
import {
  ExchangeRefused,
  exchangePacks,
  loadSegments,
  loadSnapshot,
  pinAll,
  type ReplacingPack,
  reduceTips,
  type Snapshot,
  type StoredPack,
  storePack,
  unpackedHashes,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { mergeSegments } from '../git/index.js';
import { type Oid, oidToBytes, packOids } from '../git/oid.js';
import type { CombinedPack, PackPaths } from '../packs/index.js';
import { type Roots, readRoots, rootSets } from './collect-roots.js';

/** Packs are rewritten up to these sums, newest first; what is older stays as it is, and all that it names, bytes. */
const MAX_REWRITTEN_BYTES = 16 * 1024 * 1024 * 1024;
/** Twice 45 bytes of tables per object stay in memory. */
const MAX_REWRITTEN_OBJECTS = 10_000_000;

/** Refs may move between a look and the exchange; on a busy repository every second attempt meets a quiet moment. */
const ATTEMPTS = 20;

/** `later`: packs wait for being stored loose, or the repository changed too much meanwhile. */
export type Collected = { outcome: 'nothing' | 'later' } | { outcome: 'collected'; dropped: number };

export async function collectPacks(ctx: AppContext, repoId: string, roots: Roots): Promise<Collected> {
  const snapshot = await loadSnapshot(ctx, repoId);
  const [fixed, run] = splitPacks(snapshot);
  const unpacked = await unpackedHashes(ctx.db, repoId);
  if (!run.every(({ hash }) => unpacked.has(hash))) return { outcome: 'later' };
  if (run.length === 0) return { outcome: 'nothing' };
  const newFile = (): PackPaths => ({
    packPath: ctx.spool.newFile('pack'),
    idxPath: ctx.spool.newFile('idx'),
    metaPath: ctx.spool.newFile('meta'),
  });
  const outputs = [newFile(), newFile()];
  try {
    const keep = await rootSets(ctx, snapshot, roots);
    const built = await pinAll(ctx, snapshot.packs, (pinned) => {
      const [besides, packs] = [pinned.slice(0, fixed.length), pinned.slice(fixed.length)];
      return ctx.engine.combine({ packs, besides, outputs, keep });
    });
    if (built.dropped === 0) return { outcome: 'nothing' };
    const kept: { pack: CombinedPack; tips: Oid[] }[] = [];
    for (const [i, pack] of built.packs.entries()) {
      if (pack.objects === 0) continue;
      await storePack(ctx, repoId, { hash: pack.hash, loose: [] }, outputs[i]!);
      kept.push({ pack, tips: reduceTips(snapshot.graph, i === 0 ? roots.visible : roots.hidden) });
    }
    await ctx.faultPoint('collect.stored');
    const packs = await replacements(ctx, snapshot, run, kept);
    if (!(await exchange(ctx, snapshot, fixed, run, packs))) return { outcome: 'later' };
    await ctx.faultPoint('collect.exchanged');
    ctx.log.info({ repoId, packs: run.length, dropped: built.dropped }, 'objects that no ref reaches were condemned');
    return { outcome: 'collected', dropped: built.dropped };
  } finally {
    await ctx.spool.remove(...outputs.flatMap((files) => Object.values(files)));
  }
}

/** Packs that stay, and the newest ones, which are rewritten. Objects refer only to older packs, so those need nothing new. */
function splitPacks({ repoId, packs }: Snapshot): [StoredPack[], StoredPack[]] {
  let from = packs.length;
  let [bytes, objects] = [0, 0];
  while (from > 0) {
    const next = packs[from - 1]!;
    bytes += next.bytes;
    objects += next.objects;
    if (next.storedIn !== repoId || bytes > MAX_REWRITTEN_BYTES || objects > MAX_REWRITTEN_OBJECTS) break;
    from -= 1;
  }
  return [packs.slice(0, from), packs.slice(from)];
}

async function replacements(
  ctx: AppContext,
  { repoId }: Snapshot,
  run: readonly StoredPack[],
  kept: readonly { pack: CombinedPack; tips: Oid[] }[],
): Promise<ReplacingPack[]> {
  const segments = await loadSegments(
    ctx.db,
    repoId,
    run.map(({ hash }) => hash),
  );
  const packs: ReplacingPack[] = [];
  for (const { pack, tips } of kept) {
    const { idx } = await ctx.packCache.readSmall(repoId, pack.hash);
    const segment = mergeSegments(segments, (bytes, at) => idx.find(bytes, at) >= 0);
    packs.push({ ...pack, tight: true, tips: packOids(tips), segment });
  }
  return packs;
}

/** @returns false when something that came meanwhile needs what was dropped, or there was no quiet moment */
async function exchange(
  ctx: AppContext,
  before: Snapshot,
  fixed: readonly StoredPack[],
  run: readonly StoredPack[],
  packs: readonly ReplacingPack[],
): Promise<boolean> {
  const { repoId } = before;
  const retired = run.map(({ hash }) => hash);
  const stay = [...fixed, ...packs.map((pack) => asStored(repoId, pack))];
  let checked: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const roots = await readRoots(ctx, repoId, 0);
    const now = await loadSnapshot(ctx, repoId);
    const hashes = new Set(now.packs.map(({ hash }) => hash));
    if (roots === undefined || !retired.every((hash) => hashes.has(hash))) return false;
    const known = new Set(before.packs.map(({ hash }) => hash));
    const later = now.packs.filter(({ hash }) => !known.has(hash));
    const state = later.map(({ hash }) => hash).join();
    if (later.length > 0 && state !== checked) {
      const dangling = await pinAll(ctx, [...later, ...stay], (pinned) =>
        ctx.engine.findDangling({ packs: pinned.slice(0, later.length), among: pinned.slice(later.length) }),
      );
      if (dangling !== undefined) return false;
      checked = state;
    }
    if (!(await hasAll(ctx, [...later, ...stay], roots.refs))) return false;
    try {
      await ctx.db.transaction((tx) =>
        exchangePacks(tx, repoId, { retired, state: 'condemned', packs }, roots.refsVersion),
      );
      return true;
    } catch (error) {
      if (!(error instanceof ExchangeRefused)) throw error;
    }
  }
  return false;
}

function asStored(storedIn: string, { hash, bytes, objects, tight }: ReplacingPack): StoredPack {
  return { hash, storedIn, bytes, objects, tight, seq: 0, tips: [], commits: { from: 0, to: 0 } };
}

async function hasAll(ctx: AppContext, packs: readonly StoredPack[], oids: readonly Oid[]): Promise<boolean> {
  let open = [...new Set(oids)].map(oidToBytes);
  for (const { storedIn, hash } of packs) {
    if (open.length === 0) break;
    const { idx } = await ctx.packCache.readSmall(storedIn, hash);
    open = open.filter((oid) => idx.find(oid, 0) < 0);
  }
  return open.length === 0;
}
