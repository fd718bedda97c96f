export { diffTrees } from './diff.js';
export { MAX_DIFF_BYTES, MAX_DIFF_FILES, MAX_DIFF_LINES, MAX_TEXT_BYTES, MAX_TREE_DEPTH } from './limits.js';
export { type Change, diffLines } from './line-diff.js';
export { LineTable, lineBytes, lineRange, type TextLines } from './lines.js';
export { findRenames } from './renames.js';
export type { RenameHints } from './renames-hints.js';
export { basename, dirname } from './renames-names.js';
export type { RenameCandidate, Source, Target } from './renames-types.js';
export {
  canonicalMode,
  displayPath,
  EMPTY_BLOB,
  EMPTY_TREE,
  type FileEntry,
  type Folder,
  isBinary,
  isRegular,
  readBlob,
  readFolder,
  readText,
} from './store.js';
export type { DiffHunk, DiffLine, FileDiff, FileStatus, TreeDiff } from './types.js';
