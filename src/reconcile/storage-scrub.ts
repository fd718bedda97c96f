/**
 * Check `storage_scrub`: stored bytes are what they were. Packs are taken in turns, a part of the day's objects each hour,
 * so that every pack is read again sooner or later, however large the store.
 */
import { randomInt } from 'node:crypto';
import type { AppContext } from '../context.js';
import { type Check, type Drift, MAX_DRIFTS } from './contract.js';
import { scrubPack } from './scrub-pack.js';
import { isActive, type ScrubPack, selectScrubPack } from './store.js';

const HOUR_SECS = 3600;
const ROUNDS_PER_DAY = 24;
/** Objects read of one pack at a time. */
const SAMPLE = 100;
/** A round ends after the pack with which it has read this much, bytes. */
const MAX_BYTES = 1024 * 1024 * 1024;

export const storageScrub: Check = {
  type: 'storage_scrub',
  everySecs: (config) => (config.RECONCILE_SCRUB_OBJECTS === 0 ? 0 : HOUR_SECS),
  pauseSecs: HOUR_SECS,
  async run(ctx, cursor, stop) {
    const budget = Math.ceil(ctx.config.RECONCILE_SCRUB_OBJECTS / ROUNDS_PER_DAY);
    const drifts: Drift[] = [];
    let [objects, bytes, at] = [0, 0, cursor];
    while (objects < budget && bytes < MAX_BYTES && drifts.length < MAX_DRIFTS && !stop.aborted) {
      const [repoId = '', hash = ''] = at.split('/');
      const pack = await selectScrubPack(ctx.db, { repoId, hash });
      if (pack === undefined) return { drifts, itemsChecked: objects, cursor: '' };
      const positions = sampleOf(pack.objects, Math.min(SAMPLE, budget - objects));
      drifts.push(...(await scrub(ctx, pack, positions)));
      objects += positions.length;
      bytes += pack.bytes;
      at = `${pack.repoId}/${pack.hash}`;
    }
    return { drifts, itemsChecked: objects, cursor: at };
  },
};

async function scrub(ctx: AppContext, pack: ScrubPack, positions: readonly number[]): Promise<Drift[]> {
  const drifts = await scrubPack(ctx, pack, positions);
  // A pack that was replaced or deleted meanwhile may well be missing.
  return drifts.length > 0 && (await isActive(ctx.db, pack.repoId, pack.hash)) ? drifts : [];
}

/** Different positions at random, in order. */
function sampleOf(count: number, wanted: number): number[] {
  if (count <= wanted) return Array.from({ length: count }, (_, position) => position);
  const chosen = new Set<number>();
  while (chosen.size < wanted) chosen.add(randomInt(count));
  return [...chosen].sort((a, b) => a - b);
}
