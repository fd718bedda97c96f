export type { DiffHunk, DiffLine, FileDiff, FileStatus, TreeDiff } from './types.js';
