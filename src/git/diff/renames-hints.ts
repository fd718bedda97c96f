import type { Source, Target } from './renames-types.js';

/**
 * What a merge tells rename detection: which deleted files matter to it, and where folders seem to have gone. A diff
 * has none. The methods are called in the order in which they stand here, `record` whenever a pair is found.
 */
export interface RenameHints {
  isRelevant(path: string): boolean;
  /** After exact matching: learns from the pairs found so far. */
  start(targets: readonly Target[]): void;
  /** The path where a file of a moved folder is expected. */
  guess(path: string): string | undefined;
  record(from: string, to: string): void;
  /** The sources still worth a search. */
  stillNeeded(sources: Source[]): Source[];
  finish(): void;
}
