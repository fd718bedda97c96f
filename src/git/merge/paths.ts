/** What a merge knows about every path that differs between its trees. */
import type { FileEntry } from '../diff/index.js';
import { ZERO_OID } from '../oid.js';

/** Positions of the three versions; a mask has bit 1 << position for each. */
export const BASE = 0;
export const OURS = 1;
export const THEIRS = 2;
export type Side = typeof OURS | typeof THEIRS;
export type Stages = [FileEntry, FileEntry, FileEntry];

/** Stands where a version does not exist. */
export const ABSENT: FileEntry = { mode: 0, oid: ZERO_OID };

export interface PathState {
  /** Settled: `result` is what the merged tree gets. */
  clean: boolean;
  /** Nothing stays at this path. */
  gone: boolean;
  result: FileEntry;
  stages: Stages;
  /** Where each version came from; differs from the path itself after renames. */
  origins: [string, string, string];
  /** Which versions are files, and which are folders. */
  files: number;
  folders: number;
  /** Which versions are equal, as a mask: 0, 3, 5 or 6. */
  equal: number;
  /** File on one side, folder on the other. */
  clash: boolean;
  /** In conflict whatever its content: renamed in two ways, or by a folder rename only guessed. */
  disputed: boolean;
}

export function otherSide(side: Side): Side {
  return side === OURS ? THEIRS : OURS;
}

/** Paths by name (latin1), with what the steps of the merge decide. */
export type Paths = Map<string, PathState>;

export function copyState(state: PathState): PathState {
  return { ...state, stages: [...state.stages], origins: [...state.origins] };
}

/** Forgets the versions that are not files. */
export function keepFiles(state: PathState): void {
  state.equal &= ~state.folders;
  state.folders = 0;
  for (const version of [BASE, OURS, THEIRS] as const) {
    if ((state.files & (1 << version)) === 0) state.stages[version] = ABSENT;
  }
}
