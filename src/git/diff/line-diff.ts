/** The changes between two texts, as git's diff machinery finds them. */
import type { WorkMeter } from '../objects/source.js';
import { compactGroups } from './groups.js';
import { histogramDiff } from './histogram.js';
import type { TextLines } from './lines.js';
import { myersDiff } from './myers.js';

/** `oldCount` lines from `oldStart` on became `newCount` lines from `newStart` on; lines count from 0. */
export interface Change {
  oldStart: number;
  oldCount: number;
  newStart: number;
  newCount: number;
}

/**
 * The changes in order. `myers` is what `git diff` shows (with the indent heuristic), `histogram` what merges use.
 * @param idLimit larger than every line number of the texts, which come from one LineTable
 */
export function diffLines(
  before: TextLines,
  after: TextLines,
  algorithm: 'myers' | 'histogram',
  idLimit: number,
  meter: WorkMeter,
): Change[] {
  const a = { text: before, changed: new Uint8Array(before.count + 1) };
  const b = { text: after, changed: new Uint8Array(after.count + 1) };
  if (algorithm === 'histogram') histogramDiff(before.ids, after.ids, a.changed, b.changed, idLimit, meter);
  else myersDiff(before.ids, after.ids, a.changed, b.changed, meter);
  compactGroups(a, b, algorithm === 'myers');
  compactGroups(b, a, algorithm === 'myers');
  return changesOf(a.changed, b.changed, before.count, after.count);
}

function changesOf(a: Uint8Array, b: Uint8Array, countA: number, countB: number): Change[] {
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < countA || j < countB) {
    if (a[i] === 0 && b[j] === 0) {
      [i, j] = [i + 1, j + 1];
      continue;
    }
    const [oldStart, newStart] = [i, j];
    while (a[i] === 1) i++;
    while (b[j] === 1) j++;
    changes.push({ oldStart, oldCount: i - oldStart, newStart, newCount: j - newStart });
  }
  return changes;
}
