/** Changes with their context, as `git diff` groups them. */
import type { Change } from './line-diff.js';
import { lineBytes, type TextLines } from './lines.js';
import type { DiffHunk, DiffLine } from './types.js';

/** Lines of context around a change. */
const CONTEXT = 3;

/** Groups changes whose contexts meet. */
export function hunksOf(before: TextLines, after: TextLines, changes: readonly Change[]): DiffHunk[] {
  const groups: Change[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const change of changes) {
    if (change.oldStart - end > 2 * CONTEXT) groups.push([change]);
    else groups.at(-1)!.push(change);
    end = change.oldStart + change.oldCount;
  }
  return groups.map((group) => hunk(before, after, group));
}

function hunk(before: TextLines, after: TextLines, group: readonly Change[]): DiffHunk {
  const [first, last] = [group[0]!, group.at(-1)!];
  const lead = Math.min(CONTEXT, first.oldStart, first.newStart);
  const lines: DiffLine[] = [];
  let [old, now] = [first.oldStart - lead, first.newStart - lead];
  const [oldFrom, newFrom] = [old, now];
  const context = (until: number) => {
    for (; old < until; old++, now++) {
      lines.push({ type: 'context', content: content(before, old), oldLine: old + 1, newLine: now + 1 });
    }
  };
  for (const change of group) {
    context(change.oldStart);
    for (const end = old + change.oldCount; old < end; old++) {
      lines.push({ type: 'deletion', content: content(before, old), oldLine: old + 1 });
    }
    for (const end = now + change.newCount; now < end; now++) {
      lines.push({ type: 'addition', content: content(after, now), newLine: now + 1 });
    }
  }
  context(Math.min(last.oldStart + last.oldCount + CONTEXT, before.count));
  const [oldLines, newLines] = [old - oldFrom, now - newFrom];
  // A side without lines is placed behind the line before it.
  const oldStart = oldFrom + (oldLines > 0 ? 1 : 0);
  const newStart = newFrom + (newLines > 0 ? 1 : 0);
  return { oldStart, oldLines, newStart, newLines, lines };
}

function content(text: TextLines, line: number): string {
  const bytes = lineBytes(text, line);
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', 0, end);
}
