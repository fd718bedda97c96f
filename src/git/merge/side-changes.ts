/** What one side of a merge deleted and added, and which of it matters to the other side. */
import type { RenameCandidate } from '../diff/index.js';

/** How much it matters where a lost folder went: nothing was added to it, below it, or to itself. */
export const UNIMPORTANT = 0;
export const ANCESTOR_MATTERS = 1;
export const SELF_MATTERS = 2;
export type Importance = typeof UNIMPORTANT | typeof ANCESTOR_MATTERS | typeof SELF_MATTERS;

export interface SideChanges {
  deleted: RenameCandidate[];
  added: RenameCandidate[];
  /** Deleted files whose new place matters: for a change of the other side, or only to learn where a folder went. */
  relevant: Map<string, 'content' | 'location'>;
  lostFolders: Map<string, Importance>;
  /** How many files went from a folder (outer key) to another (inner key). */
  moves: Map<string, Map<string, number>>;
}

export function noChanges(moves: SideChanges['moves'] = new Map()): SideChanges {
  return { deleted: [], added: [], relevant: new Map(), lostFolders: new Map(), moves };
}

const BOTH = 7;

/**
 * Carried down the tree: whether we are in a folder that exactly one side lost, and whether the side that still has it
 * added files there. Only then does it matter to which place the folder was moved.
 */
export class FolderTrail {
  /** 0 outside of such a folder, the bit of the side that still has it, or BOTH once files were added. */
  readonly #keeper: number;

  constructor(keeper = 0) {
    this.#keeper = keeper;
  }

  get hasAdditions(): boolean {
    return this.#keeper === BOTH;
  }

  /** @param files masks of the entries of the folder that is entered */
  enter(files: readonly number[]): FolderTrail {
    if (this.#keeper === 0 || this.hasAdditions) return this;
    return files.includes(this.#keeper) ? new FolderTrail(BOTH) : this;
  }

  /** @param folders which versions of the entry are folders */
  below(folders: number): FolderTrail {
    if (this.hasAdditions || (folders !== 3 && folders !== 5)) return this;
    return new FolderTrail(folders & ~1);
  }
}
