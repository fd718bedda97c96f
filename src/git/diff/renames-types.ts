import type { FileEntry } from './store.js';

/** A file that a rename may have taken away or brought. */
export interface RenameCandidate extends FileEntry {
  path: string;
}

export interface Source extends RenameCandidate {
  used: boolean;
}

export interface Target extends RenameCandidate {
  source: Source | undefined;
}
