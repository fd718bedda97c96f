/** What the diff of two trees looks like. */

export type FileStatus = 'added' | 'modified' | 'deleted' | 'renamed';

export interface DiffLine {
  type: 'context' | 'addition' | 'deletion';
  /** The line without its line feed, decoded as UTF-8 with U+FFFD for bytes that are none. */
  content: string;
  /** Line numbers, from 1; absent on the side that lacks the line. */
  oldLine?: number;
  newLine?: number;
}

/** A run of changes with up to three lines of context; numbers as in the `@@` line of `git diff`. */
export interface DiffHunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  lines: DiffLine[];
}

/** One changed file, counted as `git diff -M --numstat` does; binary files count 0 lines. */
export interface FileDiff {
  path: string;
  /** Only of renamed files. */
  oldPath?: string;
  status: FileStatus;
  /** Content without lines: binary by git's test, or larger than MAX_TEXT_BYTES. */
  binary: boolean;
  insertions: number;
  deletions: number;
  /** Empty for binary files and when only statistics were asked for. */
  hunks: DiffHunk[];
}

export interface TreeDiff {
  /** In byte order of the new path. */
  files: FileDiff[];
  insertions: number;
  deletions: number;
}
