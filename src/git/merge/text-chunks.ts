/**
 * Aligns the changes of two sides against their common base. Follows the merge of git's xdiff at its level "zealous":
 * equal changes are taken once, and conflicts are cut down to the lines that really differ.
 */
import { type Change, diffLines, lineRange, type TextLines } from '../diff/index.js';
import type { WorkMeter } from '../objects/index.js';

/** Lines that changed on at least one side; `side` says whose version stands, or that both have one. */
export interface Chunk {
  side: 'ours' | 'theirs' | 'conflict' | 'same';
  /** Where the lines stand in both results. */
  ours: number;
  oursCount: number;
  theirs: number;
  theirsCount: number;
}

/** Conflicts with at most this many common lines between them become one: a reader takes them for one anyway. */
const JOIN_DISTANCE = 3;

/** The texts of a merge, split with one LineTable of `size` lines. */
export interface MergeTexts {
  base: TextLines;
  ours: TextLines;
  theirs: TextLines;
  size: number;
}

/** All chunks in order. Nothing changed between them. */
export function mergeChunks(texts: MergeTexts, meter: WorkMeter): Chunk[] {
  const { base, ours, theirs, size } = texts;
  const left = diffLines(base, ours, 'histogram', size, meter);
  const right = diffLines(base, theirs, 'histogram', size, meter);
  const chunks = align(texts, left, right).flatMap((chunk) => refine(texts, chunk, meter));
  return joinNear(chunks);
}

function align(texts: MergeTexts, left: readonly Change[], right: readonly Change[]): Chunk[] {
  const chunks: Chunk[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [a, b] = [left[i], right[j]];
    if (a !== undefined && (b === undefined || a.oldStart + a.oldCount < b.oldStart)) {
      // Unchanged lines shift by what the other side changed before them.
      const shift = b === undefined ? texts.theirs.count - texts.base.count : b.newStart - b.oldStart;
      append(chunks, 'ours', a.newStart, a.newCount, a.oldStart + shift, a.oldCount);
      i++;
    } else if (b !== undefined && (a === undefined || b.oldStart + b.oldCount < a.oldStart)) {
      const shift = a === undefined ? texts.ours.count - texts.base.count : a.newStart - a.oldStart;
      append(chunks, 'theirs', b.oldStart + shift, b.oldCount, b.newStart, b.newCount);
      j++;
    } else if (a !== undefined && b !== undefined) {
      if (!sameChange(texts, a, b)) appendConflict(chunks, a, b);
      const [endA, endB] = [a.oldStart + a.oldCount, b.oldStart + b.oldCount];
      if (endA >= endB) j++;
      if (endB >= endA) i++;
    }
  }
  return chunks;
}

function sameChange({ ours, theirs }: MergeTexts, a: Change, b: Change): boolean {
  if (a.oldStart !== b.oldStart || a.oldCount !== b.oldCount || a.newCount !== b.newCount) return false;
  for (let k = 0; k < a.newCount; k++) {
    if (ours.ids[a.newStart + k] !== theirs.ids[b.newStart + k]) return false;
  }
  return true;
}

/** Two changes that overlap or touch, both widened to the lines of the base that either covers. */
function appendConflict(chunks: Chunk[], a: Change, b: Change): void {
  const [endA, endB] = [a.oldStart + a.oldCount, b.oldStart + b.oldCount];
  const [start, end] = [Math.min(a.oldStart, b.oldStart), Math.max(endA, endB)];
  const ours = a.newStart - (a.oldStart - start);
  const theirs = b.newStart - (b.oldStart - start);
  const oursCount = a.newStart + a.newCount + (end - endA) - ours;
  append(chunks, 'conflict', ours, oursCount, theirs, b.newStart + b.newCount + (end - endB) - theirs);
}

function append(
  chunks: Chunk[],
  side: Chunk['side'],
  ours: number,
  oursCount: number,
  theirs: number,
  theirsCount: number,
): void {
  const last = chunks.at(-1);
  const touches =
    last !== undefined && (ours <= last.ours + last.oursCount || theirs <= last.theirs + last.theirsCount);
  if (!touches) {
    chunks.push({ side, ours, oursCount, theirs, theirsCount });
    return;
  }
  if (last.side !== side) last.side = 'conflict';
  last.oursCount = ours + oursCount - last.ours;
  last.theirsCount = theirs + theirsCount - last.theirs;
}

/** Cuts a conflict down to what differs between the two sides. */
function refine(texts: MergeTexts, chunk: Chunk, meter: WorkMeter): Chunk[] {
  if (chunk.side !== 'conflict' || chunk.oursCount === 0 || chunk.theirsCount === 0) return [chunk];
  const ours = lineRange(texts.ours, chunk.ours, chunk.oursCount);
  const theirs = lineRange(texts.theirs, chunk.theirs, chunk.theirsCount);
  const changes = diffLines(ours, theirs, 'histogram', texts.size, meter);
  if (changes.length === 0) return [{ ...chunk, side: 'same' }];
  return changes.map((change) => ({
    side: 'conflict',
    ours: chunk.ours + change.oldStart,
    oursCount: change.oldCount,
    theirs: chunk.theirs + change.newStart,
    theirsCount: change.newCount,
  }));
}

function joinNear(chunks: readonly Chunk[]): Chunk[] {
  const joined: Chunk[] = [];
  for (const chunk of chunks) {
    const last = joined.at(-1);
    const near =
      last?.side === 'conflict' &&
      chunk.side === 'conflict' &&
      chunk.ours - (last.ours + last.oursCount) <= JOIN_DISTANCE;
    if (!near) joined.push({ ...chunk });
    else {
      last.oursCount = chunk.ours + chunk.oursCount - last.ours;
      last.theirsCount = chunk.theirs + chunk.theirsCount - last.theirs;
    }
  }
  return joined;
}
