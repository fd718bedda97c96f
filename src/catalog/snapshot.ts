/**
 * What a node knows of a repository's objects: its packs and its commit graph, as of one `refs_version`.
 *
 * Postgres holds one row per pack, with the commits and tags of that pack in one column. A snapshot is read once per
 * version and grown by the rows that are new, so a busy repository costs one small query per request, and a quiet one none.
 */
import { LRUCache } from 'lru-cache';
import type { AppContext } from '../context.js';
import { CommitGraph } from '../git/index.js';
import type { Oid } from '../git/oid.js';
import { unpackOids } from '../git/oid.js';
import { allExist, loadPackRows, type PackRow, type PackVersions } from './store.js';

/** One stored pack. */
export interface StoredPack {
  hash: string;
  /** The repository under whose prefix the files lie; packs of forks may lie elsewhere. */
  storedIn: string;
  /** Order in which packs became visible; later packs may refer to objects of earlier ones, never the other way. */
  seq: number;
  bytes: number;
  objects: number;
  /** True when every object of the pack is reachable from its tips. */
  tight: boolean;
  tips: Oid[];
  /** Commits of the pack are at these positions of the graph: `from` included, `to` excluded. */
  commits: { from: number; to: number };
}

export interface Snapshot {
  repoId: string;
  /** `packs` is raised when packs are replaced, `collected` when objects that no ref reaches leave them. */
  versions: PackVersions;
  /** Oldest first. */
  packs: readonly StoredPack[];
  graph: CommitGraph;
}

/** Graphs kept per node, in commits; one costs about 100 bytes. */
const CACHED_COMMITS = 2_000_000;

interface Cached {
  snapshot: Snapshot;
  /** Version of the refs at the moment of which this is the snapshot. */
  refsVersion: number;
}

const caches = new WeakMap<AppContext, LRUCache<string, Cached>>();

function cacheOf(ctx: AppContext): LRUCache<string, Cached> {
  let cache = caches.get(ctx);
  if (cache === undefined) {
    cache = new LRUCache({ maxSize: CACHED_COMMITS, sizeCalculation: ({ snapshot }) => snapshot.graph.size + 100 });
    caches.set(ctx, cache);
  }
  return cache;
}

/**
 * The packs and graph of a repository, at least as new as the call.
 *
 * Rows become visible in `seq` order, because a push takes the repository's row lock before it inserts its pack; so
 * asking for what follows the last known row misses nothing. Only when packs were replaced all rows are looked at.
 */
export async function loadSnapshot(ctx: AppContext, repoId: string): Promise<Snapshot> {
  const cache = cacheOf(ctx);
  const cached = cache.get(repoId)?.snapshot;
  const known = cached !== undefined && (await isCurrent(ctx, cached)) ? cached : undefined;
  const last = known?.packs.at(-1);
  const asked = known?.versions.packs ?? 0;
  const { versions = NONE, refsVersion, rows } = await loadPackRows(ctx.db, repoId, last?.seq ?? 0, asked);
  const snapshot =
    known === undefined || last === undefined ? readAll(repoId, versions, rows) : refresh(known, versions, rows);
  if (snapshot === undefined) {
    // Not the packs that this node knows: the repository was deleted, or objects were collected.
    cache.delete(repoId);
    return loadSnapshot(ctx, repoId);
  }
  cache.set(repoId, { snapshot, refsVersion });
  return snapshot;
}

/** What a request has read of a repository's row. */
export interface VersionsRead {
  repoId: string;
  refsVersion: number;
  packsVersion: number;
  collectedVersion: number;
}

/**
 * The snapshot that belongs to these versions, if this node has it. A pack becomes visible only in a transaction that also
 * gives the refs or the packs of the repository a new version, so nothing need be asked then. Forks are left out: whether
 * the repositories that hold their packs still live is not in their own row.
 */
export function knownSnapshot(ctx: AppContext, read: VersionsRead): Snapshot | undefined {
  const known = cacheOf(ctx).get(read.repoId);
  if (known?.refsVersion !== read.refsVersion) return undefined;
  const { versions, packs } = known.snapshot;
  if (versions.packs !== read.packsVersion || versions.collected !== read.collectedVersion) return undefined;
  return packs.every((pack) => pack.storedIn === read.repoId) ? known.snapshot : undefined;
}

/**
 * Carries the snapshot that this node knows over to the versions that a transaction of its own has just committed.
 * @param made the versions; that of the refs is what the transaction made of the one before
 * @param pack the one that became visible in it, if any
 */
export function followSnapshot(ctx: AppContext, made: VersionsRead, pack: PackRow | undefined): void {
  const { repoId, refsVersion } = made;
  const known = knownSnapshot(ctx, { ...made, refsVersion: refsVersion - 1 });
  if (known === undefined) return;
  cacheOf(ctx).set(repoId, { snapshot: pack === undefined ? known : appendRows(known, [pack]), refsVersion });
}

const NONE: PackVersions = { packs: 0, collected: 0 };

function readAll(repoId: string, versions: PackVersions, rows: readonly PackRow[]): Snapshot {
  return appendRows({ repoId, versions, packs: [], graph: CommitGraph.fromSegments([]) }, rows);
}

/** @returns undefined when the rows do not continue what is known */
function refresh(known: Snapshot, versions: PackVersions, rows: readonly PackRow[]): Snapshot | undefined {
  if (versions.collected !== known.versions.collected) return undefined;
  if (versions.packs !== known.versions.packs) return followMerges(known, versions, rows);
  const last = known.packs.at(-1);
  const from = rows.findIndex((row) => row.seq === last?.seq && row.hash === last.hash);
  if (from < 0) return undefined;
  return from === rows.length - 1 ? known : appendRows(known, rows.slice(from + 1));
}

/**
 * Merged packs stand for neighbours and hold the same commits, so the graph stays and their commits are those of the packs
 * they replace; a large repository need not be read again whenever a few small packs were merged.
 */
function followMerges(known: Snapshot, versions: PackVersions, rows: readonly PackRow[]): Snapshot | undefined {
  const last = known.packs.at(-1)?.seq ?? 0;
  const packs: StoredPack[] = [];
  let { graph } = known;
  let at = 0;
  for (const row of rows) {
    const same = known.packs[at];
    if (same !== undefined && same.hash === row.hash && same.seq === row.seq) {
      packs.push(same);
      at += 1;
      continue;
    }
    const first = at;
    while (at < known.packs.length && known.packs[at]!.seq >= row.firstSeq && known.packs[at]!.seq <= row.seq) at += 1;
    const replaced = known.packs.slice(first, at);
    if (row.seq <= last && replaced.length === 0) return undefined;
    const from = replaced[0]?.commits.from ?? graph.size;
    if (row.seq > last) graph = graph.withSegment(row.segment);
    packs.push(toPack(row, { from, to: row.seq > last ? graph.size : replaced.at(-1)!.commits.to }));
  }
  return at === known.packs.length ? { ...known, versions, packs, graph } : undefined;
}

function appendRows(snapshot: Snapshot, rows: readonly PackRow[]): Snapshot {
  let { graph } = snapshot;
  const packs = [...snapshot.packs];
  for (const row of rows) {
    const from = graph.size;
    graph = graph.withSegment(row.segment);
    packs.push(toPack(row, { from, to: graph.size }));
  }
  return { ...snapshot, packs, graph };
}

function toPack(row: PackRow, commits: StoredPack['commits']): StoredPack {
  const { hash, storedIn, seq, bytes, objects, tight, tips } = row;
  return { hash, storedIn, seq, bytes, objects, tight, tips: unpackOids(tips), commits };
}

/** Shared packs move only after the repository that holds them was deleted, so a snapshot is good while all holders live. */
async function isCurrent(ctx: AppContext, { repoId, packs }: Snapshot): Promise<boolean> {
  const holders = new Set(packs.map((pack) => pack.storedIn));
  holders.delete(repoId);
  return holders.size === 0 || allExist(ctx.db, [...holders]);
}

/** Forgets a repository, after it was deleted. */
export function forgetSnapshot(ctx: AppContext, repoId: string): void {
  cacheOf(ctx).delete(repoId);
}
