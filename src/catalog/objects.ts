/** Looking objects up in the packs of a repository, from their indexes and sidecars; packs themselves stay closed. */
import type { AppContext } from '../context.js';
import type { GitObject, ObjectType } from '../git/objects/type.js';
import { OID_BYTES, type Oid, oidToBytes } from '../git/oid.js';
import type { PinnedPack } from '../packs/index.js';
import { forEachParallel } from '../parallel.js';
import type { Snapshot, StoredPack } from './snapshot.js';

/** Where an object lies. */
export interface Location {
  packHash: string;
  /** The repository under whose prefix the pack lies. */
  storedIn: string;
  type: ObjectType;
  /** Inflated size in bytes; undefined when it does not fit in 32 bits. */
  size: number | undefined;
}

/**
 * Finds many objects at once, each in any of the packs that have it. Large packs are asked first: most of what a push
 * names lies there, and after a row of pushes there are dozens of small ones.
 * @param oids 20 bytes each
 * @returns one entry per id, undefined for those that no pack of the snapshot has
 */
export async function locateAll(
  ctx: AppContext,
  snapshot: Snapshot,
  oids: Uint8Array,
): Promise<(Location | undefined)[]> {
  const found = new Array<Location | undefined>(oids.length / OID_BYTES).fill(undefined);
  const missing = [...found.keys()];
  for (const { storedIn, hash: packHash } of largestFirst(snapshot)) {
    if (missing.length === 0) break;
    const { idx, meta } =
      ctx.packCache.knownSmall(storedIn, packHash) ?? (await ctx.packCache.readSmall(storedIn, packHash));
    let left = 0;
    for (const position of missing) {
      const at = idx.find(oids, position * OID_BYTES);
      if (at < 0) missing[left++] = position;
      else found[position] = { packHash, storedIn, type: meta.type(at), size: meta.size(at) };
    }
    missing.length = left;
  }
  return found;
}

const sorted = new WeakMap<Snapshot, readonly StoredPack[]>();

function largestFirst(snapshot: Snapshot): readonly StoredPack[] {
  let packs = sorted.get(snapshot);
  if (packs === undefined) {
    packs = snapshot.packs.toSorted((a, b) => b.objects - a.objects);
    sorted.set(snapshot, packs);
  }
  return packs;
}

export async function locate(ctx: AppContext, snapshot: Snapshot, oid: Oid): Promise<Location | undefined> {
  return (await locateAll(ctx, snapshot, oidToBytes(oid)))[0];
}

/** Holds a pack that has an object on the local disk; undefined when none has it. */
export async function pinPackOf(ctx: AppContext, snapshot: Snapshot, oid: Oid): Promise<PinnedPack | undefined> {
  const location = await locate(ctx, snapshot, oid);
  return location && ctx.packCache.pin(location.storedIn, location.packHash);
}

/** Reads an object that fits in memory, or undefined when the repository does not have it. */
export async function readObject(ctx: AppContext, snapshot: Snapshot, oid: Oid): Promise<GitObject | undefined> {
  const pack = await pinPackOf(ctx, snapshot, oid);
  if (pack === undefined) return undefined;
  try {
    return await ctx.engine.read([pack], oid);
  } finally {
    pack.release();
  }
}

/** Holds packs on the local disk while `work` runs, newest first. */
export async function withPacks<T>(
  ctx: AppContext,
  snapshot: Snapshot,
  hashes: readonly string[],
  work: (packs: PinnedPack[]) => Promise<T>,
): Promise<T> {
  const wanted = new Set(hashes);
  const pinned: PinnedPack[] = [];
  try {
    for (const pack of snapshot.packs.toReversed()) {
      if (wanted.has(pack.hash)) pinned.push(await ctx.packCache.pin(pack.storedIn, pack.hash));
    }
    return await work(pinned);
  } finally {
    for (const pack of pinned) pack.release();
  }
}

/** Packs fetched to the local disk at the same time. */
const PIN_LANES = 8;

/** Holds packs on the local disk while `work` runs, in the given order. */
export async function pinAll<T>(
  ctx: AppContext,
  packs: readonly StoredPack[],
  work: (packs: PinnedPack[]) => Promise<T>,
): Promise<T> {
  const pinned = new Map<StoredPack, PinnedPack>();
  try {
    const failures: unknown[] = [];
    // No lane may go on pinning after the others gave up, so failures are thrown when all have ended.
    await forEachParallel(packs, PIN_LANES, async (pack) => {
      try {
        if (failures.length === 0) pinned.set(pack, await ctx.packCache.pin(pack.storedIn, pack.hash));
      } catch (error) {
        failures.push(error);
      }
    });
    if (failures.length > 0) throw failures[0];
    return await work(packs.map((pack) => pinned.get(pack)!));
  } finally {
    for (const pack of pinned.values()) pack.release();
  }
}
