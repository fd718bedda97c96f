/**
 * The indent heuristic of git-diff (`--indent-heuristic`, the default): of all places a group of lines may stand, take
 * the one whose edges look most like the edges of a block. The weights are git's, found by measuring on real projects.
 */
import { lineBytes, type TextLines } from './lines.js';

const MAX_INDENT = 200;
const MAX_BLANKS = 20;
/** Places tried above the lowest one. */
const MAX_SLIDING = 100;
const TAB = 8;
/** Of blank lines, and of places outside the text. */
const NO_INDENT = -1;

const PENALTY = {
  startOfFile: 1,
  endOfFile: 21,
  totalBlank: -30,
  postBlank: 6,
  indent: -4,
  indentWithBlank: 10,
  outdent: 24,
  outdentWithBlank: 17,
  dedent: 23,
  dedentWithBlank: 17,
} as const;
/** One step of indent outweighs this much penalty. */
const INDENT_WEIGHT = 60;

interface Score {
  indent: number;
  penalty: number;
}

/** The best end for a group that may end anywhere from `highest` to its present end. */
export function bestShift(text: TextLines, group: { start: number; end: number }, highest: number): number {
  const size = group.end - group.start;
  let best: Score | undefined;
  let bestEnd = group.end;
  for (let end = Math.max(highest, group.end - size - 1, group.end - MAX_SLIDING); end <= group.end; end++) {
    const score: Score = { indent: 0, penalty: 0 };
    scoreEdge(text, end, score);
    scoreEdge(text, end - size, score);
    if (best === undefined || compare(score, best) <= 0) [best, bestEnd] = [score, end];
  }
  return bestEnd;
}

function compare(a: Score, b: Score): number {
  return INDENT_WEIGHT * Math.sign(a.indent - b.indent) + (a.penalty - b.penalty);
}

/** Adds what an edge in front of line `at` costs. */
function scoreEdge(text: TextLines, at: number, score: Score): void {
  const atEnd = at >= text.count;
  const own = atEnd ? NO_INDENT : indentOf(text, at);
  const before = nearestIndent(text, at - 1, -1);
  const after = nearestIndent(text, at + 1, 1);
  if (before.indent === NO_INDENT && before.blanks === 0) score.penalty += PENALTY.startOfFile;
  if (atEnd) score.penalty += PENALTY.endOfFile;
  const blanksAfter = own === NO_INDENT ? 1 + after.blanks : 0;
  const blanks = before.blanks + blanksAfter;
  score.penalty += PENALTY.totalBlank * blanks + PENALTY.postBlank * blanksAfter;
  const indent = own === NO_INDENT ? after.indent : own;
  score.indent += indent;
  if (indent === NO_INDENT || before.indent === NO_INDENT || indent === before.indent) return;
  if (indent > before.indent) score.penalty += blanks > 0 ? PENALTY.indentWithBlank : PENALTY.indent;
  else if (after.indent !== NO_INDENT && after.indent > indent) {
    // What follows is indented more, so this line opens a block rather than closes one.
    score.penalty += blanks > 0 ? PENALTY.outdentWithBlank : PENALTY.outdent;
  } else score.penalty += blanks > 0 ? PENALTY.dedentWithBlank : PENALTY.dedent;
}

/** Indent of the first line that is not blank, from `at` on, and the blank lines before it. */
function nearestIndent(text: TextLines, at: number, step: 1 | -1): { indent: number; blanks: number } {
  let blanks = 0;
  for (let i = at; i >= 0 && i < text.count; i += step) {
    const indent = indentOf(text, i);
    if (indent !== NO_INDENT) return { indent, blanks };
    blanks++;
    if (blanks === MAX_BLANKS) return { indent: 0, blanks };
  }
  return { indent: NO_INDENT, blanks };
}

function indentOf(text: TextLines, line: number): number {
  let indent = 0;
  for (const byte of lineBytes(text, line)) {
    if (byte === 0x20) indent += 1;
    else if (byte === 0x09) indent += TAB - (indent % TAB);
    else if (byte !== 0x0a && byte !== 0x0d) return indent;
    if (indent >= MAX_INDENT) return MAX_INDENT;
  }
  return NO_INDENT;
}
