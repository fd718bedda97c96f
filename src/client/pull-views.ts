/** What the routes of pull requests and reviews answer. */

export type PullStatus = 'open' | 'merged' | 'closed';
export type MergeStrategy = 'merge' | 'squash' | 'rebase';
export type Verdict = 'approve' | 'request_changes' | 'comment';

export interface PullView {
  prId: string;
  repoId: string;
  authorId: string;
  authorName: string;
  sourceBranch: string;
  targetBranch: string;
  title: string;
  description: string | null;
  status: PullStatus;
  ciStatus: 'pending' | 'running' | 'passed' | 'failed';
  diffStats: { filesChanged: number; insertions: number; deletions: number };
  mergeable: boolean;
  isApproved: boolean;
  reviewCount: number;
  createdAt: string;
  mergedAt: string | null;
  /** Counts from 1 in each repository; `refs/pull/{number}/head` is the source. */
  number?: number;
}

export interface MergeView {
  prId: string;
  repoId: string;
  mergeStrategy: MergeStrategy;
  mergedAt: string;
  /** New head of the target branch. */
  mergeCommitOid: string;
}

export interface ReviewView {
  reviewId: string;
  prId: string;
  reviewerId: string;
  reviewerName?: string;
  verdict: Verdict;
  body: string | null;
  createdAt: string;
}

export interface DiffLineView {
  type: 'context' | 'addition' | 'deletion';
  content: string;
  oldLine?: number | null;
  newLine?: number | null;
}

export interface DiffHunkView {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  lines: DiffLineView[];
}

export interface DiffFileView {
  path: string;
  oldPath?: string | null;
  status: 'added' | 'modified' | 'deleted' | 'renamed';
  insertions: number;
  deletions: number;
  /** Empty for binary files. */
  hunks: DiffHunkView[];
}

export interface DiffView {
  files: DiffFileView[];
}
