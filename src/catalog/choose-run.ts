/**
 * Which packs are merged next. As in git's geometric repacking, packs grow from the newest to the oldest by a factor:
 * whoever is smaller than RATIO times everything newer together is merged with it. A byte is so rewritten about log2(n)
 * times over n equal pushes, and about log2(n) packs remain.
 */

/** Below 2 packs would be rewritten more often, above it more of them would remain. */
const RATIO = 2;

/** Packs smaller than this count as equal: their headers, indexes and requests cost more than their bytes. */
const SMALLEST_BYTES = 16 * 1024;

/** While pushes come: merging fewer would rewrite more often than it saves a fetch. */
const MIN_RUN = 8;

/** Once pushes have paused: two packs are one too many for a clone to be a single file. */
const MIN_IDLE_RUN = 2;

/** How long no push came: not yet for a second, for some seconds at most, or longer. */
export type Pause = 'none' | 'short' | 'long';

/**
 * In a long pause packs of this size become one, larger ones only by RATIO, bytes. Somebody who pushes again after every
 * pause has them rewritten each time.
 */
const SMALL_BYTES = 64 * 1024 * 1024;

/**
 * A repository of this size becomes one pack in a short pause already, bytes. A larger one would be rewritten for longer
 * than a push takes, and where an old pack stays beside them it matters little how many new ones there are.
 */
const TINY_BYTES = 2 * 1024 * 1024;

/** Packs open at the same time; each is a file and, with an object store, a download. */
const MAX_RUN = 100;

/** Twice the largest push by default: merging needs this much working space on the local disk, bytes. */
const MAX_MERGED_BYTES = 4 * 1024 * 1024 * 1024;

/** About 60 bytes of tables per object stay in memory while merging. */
const MAX_MERGED_OBJECTS = 5_000_000;

export interface MergeCandidate {
  bytes: number;
  objects: number;
  /** False for packs that must stay as they are: of other repositories, or not stored loose yet. */
  mergeable: boolean;
}

/**
 * The next run of neighbours to merge, as positions `from` included to `to` excluded.
 * @param packs oldest first
 * @param pause whether pushes have paused
 * @returns undefined when the packs may stay as they are
 */
export function chooseRun(packs: readonly MergeCandidate[], pause: Pause): { from: number; to: number } | undefined {
  if (pause === 'short') {
    if (packs.length >= MIN_IDLE_RUN && isTiny(packs)) return lightest(packs, 0, packs.length);
    return chooseRun(packs, 'none');
  }
  let end = packs.length;
  while (end > 0) {
    let start = end;
    while (start > 0 && isMovable(packs[start - 1]!)) start -= 1;
    const run = start < end ? smallerThanNewer(packs, start, end, pause === 'long' ? SMALL_BYTES : 0) : undefined;
    // Only the newest stretch still grows; what lies before a pack that stays is as good as at rest.
    const least = pause !== 'none' || end < packs.length ? MIN_IDLE_RUN : MIN_RUN;
    if (run !== undefined && end - run >= least) return lightest(packs, run, end);
    end = start - 1;
  }
  return undefined;
}

function isTiny(packs: readonly MergeCandidate[]): boolean {
  return packs.every(isMovable) && packs.reduce((sum, { bytes }) => sum + bytes, 0) <= TINY_BYTES;
}

function isMovable({ bytes, objects, mergeable }: MergeCandidate): boolean {
  return mergeable && bytes <= MAX_MERGED_BYTES / 2 && objects <= MAX_MERGED_OBJECTS / 2;
}

function weight({ bytes }: MergeCandidate): number {
  return Math.max(bytes, SMALLEST_BYTES);
}

/** Start of the run of packs up to `end` that are each too small to stay beside what is newer, or all of it if small. */
function smallerThanNewer(packs: readonly MergeCandidate[], start: number, end: number, smallBytes: number): number {
  let from = end - 1;
  let sum = weight(packs[from]!);
  let [bytes, objects] = [packs[from]!.bytes, packs[from]!.objects];
  while (from > start) {
    const next = packs[from - 1]!;
    bytes += next.bytes;
    objects += next.objects;
    if (bytes > MAX_MERGED_BYTES || objects > MAX_MERGED_OBJECTS) break;
    if (bytes > smallBytes && weight(next) >= RATIO * sum) break;
    sum += weight(next);
    from -= 1;
  }
  return from;
}

/** Of a run that is too long for one merge, the part that costs least: merged parts are heavier and come later. */
function lightest(packs: readonly MergeCandidate[], from: number, to: number): { from: number; to: number } {
  if (to - from <= MAX_RUN) return { from, to };
  let sum = 0;
  for (let i = from; i < from + MAX_RUN; i++) sum += weight(packs[i]!);
  let [best, least] = [from, sum];
  for (let first = from + 1; first + MAX_RUN <= to; first++) {
    sum += weight(packs[first + MAX_RUN - 1]!) - weight(packs[first - 1]!);
    if (sum < least) [best, least] = [first, sum];
  }
  return { from: best, to: best + MAX_RUN };
}
