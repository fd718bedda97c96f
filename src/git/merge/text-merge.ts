/** Three-way merge of texts, with conflict markers as git writes them (gitglossary and git-merge, "default style"). */
import { LineTable, lineBytes, type TextLines } from '../diff/index.js';
import type { WorkMeter } from '../objects/index.js';
import { type Chunk, type MergeTexts, mergeChunks } from './text-chunks.js';

export interface TextMergeOptions {
  /** What stands behind the markers of each side; latin1 text. */
  labels: { ours: string; theirs: string };
  /** Characters of a marker; merges of merges use longer ones. */
  markerSize: number;
}

export interface TextMerge {
  content: Uint8Array;
  clean: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

export function mergeTexts(
  base: Uint8Array,
  ours: Uint8Array,
  theirs: Uint8Array,
  options: TextMergeOptions,
  meter: WorkMeter,
): TextMerge {
  const table = new LineTable();
  const [o, a, b] = [table.split(base), table.split(ours), table.split(theirs)];
  const texts: MergeTexts = { base: o, ours: a, theirs: b, size: table.size };
  const parts: Uint8Array[] = [];
  let clean = true;
  let done = 0;
  for (const chunk of mergeChunks(texts, meter)) {
    if (chunk.side === 'ours' || chunk.side === 'same') continue;
    parts.push(lineBytes(a, done, chunk.ours - done));
    if (chunk.side === 'theirs') parts.push(lineBytes(b, chunk.theirs, chunk.theirsCount));
    else {
      clean = false;
      parts.push(...conflict(texts, chunk, options));
    }
    done = chunk.ours + chunk.oursCount;
  }
  parts.push(lineBytes(a, done, a.count - done));
  return { content: Buffer.concat(parts), clean };
}

function conflict(texts: MergeTexts, chunk: Chunk, { labels, markerSize }: TextMergeOptions): Uint8Array[] {
  const eol = endsInCrLf(texts, chunk) ? '\r\n' : '\n';
  const marker = (sign: string, label = '') => Buffer.from(`${sign.repeat(markerSize)}${label}${eol}`, 'latin1');
  return [
    marker('<', ` ${labels.ours}`),
    withEol(lineBytes(texts.ours, chunk.ours, chunk.oursCount), eol),
    marker('='),
    withEol(lineBytes(texts.theirs, chunk.theirs, chunk.theirsCount), eol),
    marker('>', ` ${labels.theirs}`),
  ];
}

/** A marker must start on a line of its own. */
function withEol(lines: Buffer, eol: string): Buffer {
  return lines.length === 0 || lines.at(-1) === LF ? lines : Buffer.concat([lines, Buffer.from(eol)]);
}

/** Markers end as the lines before the conflict do on both sides, and as the base begins. */
function endsInCrLf({ base, ours, theirs }: MergeTexts, chunk: Chunk): boolean {
  let style = lineStyle(ours, Math.max(0, chunk.ours - 1));
  if (style !== 'lf') style = lineStyle(theirs, Math.max(0, chunk.theirs - 1));
  if (style !== 'lf') style = lineStyle(base, 0);
  return style === 'crlf';
}

function lineStyle(text: TextLines, line: number): 'lf' | 'crlf' | 'unknown' {
  if (text.count === 0) return 'unknown';
  const bytes = lineBytes(text, line);
  if (bytes.at(-1) === LF) return bytes.at(-2) === CR ? 'crlf' : 'lf';
  return line === 0 ? 'unknown' : lineStyle(text, line - 1);
}
