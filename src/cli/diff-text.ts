/** A pull request's diff in the form of `git diff`, for reading. */
import type { DiffFileView, DiffHunkView } from '../client/index.js';

const SIGNS = { context: ' ', addition: '+', deletion: '-' } as const;

/** Unified diff; a file without hunks (binary, renamed as it is) has only its header. */
export function diffText(files: readonly DiffFileView[]): string {
  return files.map(fileText).join('\n');
}

function fileText(file: DiffFileView): string {
  const old = file.oldPath ?? file.path;
  const head = [`diff --git a/${old} b/${file.path}`];
  if (file.status === 'renamed') head.push(`rename from ${old}`, `rename to ${file.path}`);
  if (file.hunks.length > 0) {
    head.push(`--- ${file.status === 'added' ? '/dev/null' : `a/${old}`}`);
    head.push(`+++ ${file.status === 'deleted' ? '/dev/null' : `b/${file.path}`}`);
  }
  return [...head, ...file.hunks.flatMap(hunkLines)].join('\n');
}

function hunkLines({ oldStart, oldLines, newStart, newLines, lines }: DiffHunkView): string[] {
  const head = `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`;
  return [head, ...lines.map(({ type, content }) => `${SIGNS[type]}${content.replace(/\n$/, '')}`)];
}
