/**
 * Applies folder renames: when one side renamed a folder and the other added a file to it, the file most likely
 * belongs to the new place. As this is only a guess, git marks such files as conflicts (`merge.directoryRenames`
 * unset), and so do we.
 */
import { dirname, type FileEntry, readFolder } from '../diff/index.js';
import { MODES } from '../mode.js';
import type { MergeContext } from './context.js';
import { ABSENT, BASE, copyState, keepFiles, OURS, otherSide, type PathState, type Side, THEIRS } from './paths.js';
import type { SideChanges } from './side-changes.js';

/** New folder by old folder; the root is the empty text. */
export type FolderRenames = Map<string, string>;

/** A file that a side added; with `from`, its old path, it is a rename. */
export interface AddedFile {
  path: string;
  from: string | undefined;
}

/** Sources by the path to which folder renames of the other side would move them. */
type Arrivals = Map<string, { sources: Set<string>; reported: boolean }>;

/** Folders that each side renamed and the other did not. A folder without a clear new place is noted as unclear. */
export function folderRenames(ctx: MergeContext, changes: Record<Side, SideChanges>): Record<Side, FolderRenames> {
  const renames = { [OURS]: ofSide(ctx, changes[OURS]), [THEIRS]: ofSide(ctx, changes[THEIRS]) };
  for (const folder of [...renames[OURS].keys()]) {
    if (!renames[THEIRS].has(folder)) continue;
    renames[OURS].delete(folder);
    renames[THEIRS].delete(folder);
  }
  return renames;
}

function ofSide(ctx: MergeContext, { moves }: SideChanges): FolderRenames {
  const renames: FolderRenames = new Map();
  for (const [folder, counts] of moves) {
    const most = Math.max(0, ...counts.values());
    const places = [...counts].filter(([, count]) => count === most).map(([place]) => place);
    if (most === 0) continue;
    if (places.length > 1) ctx.unclear.add(folder);
    else renames.set(folder, places[0]!);
  }
  return renames;
}

export class FolderRenamer {
  readonly #ctx: MergeContext;
  readonly #renames: Record<Side, FolderRenames>;
  readonly #arrivals: Record<Side, Arrivals>;

  constructor(ctx: MergeContext, renames: Record<Side, FolderRenames>, added: Record<Side, readonly AddedFile[]>) {
    this.#ctx = ctx;
    this.#renames = renames;
    this.#arrivals = {
      [OURS]: arrivals(added[OURS], renames[THEIRS]),
      [THEIRS]: arrivals(added[THEIRS], renames[OURS]),
    };
  }

  /** Moves a file that `side` added along with its folder. Returns its new path, or undefined when it stays. */
  move(file: AddedFile, side: Side): string | undefined {
    const renames = this.#renames[otherSide(side)];
    if (this.#arrivals[otherSide(side)].has(file.path)) return undefined;
    const folder = renamedFolder(file.path, renames);
    if (folder === undefined) return undefined;
    // This side moved the new folder on to somewhere else; following both would put the file in a third place.
    if (this.#renames[side].has(renames.get(folder)!)) return undefined;
    const target = moved(file.path, folder, renames.get(folder)!);
    openFolders(this.#ctx, target);
    if (!this.#isFree(target, side)) {
      this.#ctx.unclear.add(file.path);
      return undefined;
    }
    relocate(this.#ctx, file.path, target);
    return target;
  }

  #isFree(target: string, side: Side): boolean {
    const arrival = this.#arrivals[side].get(target)!;
    if (arrival.reported) return false;
    const state = this.#ctx.paths.get(target);
    const inTheWay = state !== undefined && (state.clean || ((state.files | state.folders) & (1 << side)) !== 0);
    arrival.reported = inTheWay || arrival.sources.size > 1;
    return !arrival.reported;
  }
}

function arrivals(added: readonly AddedFile[], renames: FolderRenames): Arrivals {
  const found: Arrivals = new Map();
  if (renames.size === 0) return found;
  for (const { path } of added) {
    const folder = renamedFolder(path, renames);
    if (folder === undefined) continue;
    const target = moved(path, folder, renames.get(folder)!);
    const arrival = found.get(target) ?? { sources: new Set(), reported: false };
    arrival.sources.add(path);
    found.set(target, arrival);
  }
  return found;
}

/** The innermost folder of the path that was renamed. */
function renamedFolder(path: string, renames: FolderRenames): string | undefined {
  for (let folder = dirname(path); folder !== ''; folder = dirname(folder)) if (renames.has(folder)) return folder;
  return undefined;
}

function moved(path: string, folder: string, target: string): string {
  return target === '' ? path.slice(folder.length + 1) : target + path.slice(folder.length);
}

/** Moves the state of an added file to another path and disputes it. */
function relocate({ paths }: MergeContext, from: string, to: string): void {
  let state = paths.get(from)!;
  if (state.folders === 0) paths.delete(from);
  else {
    // A folder stood there before; it stays as a folder that is empty unless something in it remains.
    const folder = state;
    state = copyState(folder);
    keepFiles(state);
    folder.files = 0;
    folder.clean = true;
    for (const version of [BASE, OURS, THEIRS] as const) {
      if ((folder.folders & (1 << version)) === 0) folder.stages[version] = ABSENT;
    }
  }
  addFolders(paths, to, state.files);
  const present = paths.get(to);
  if (present === undefined) {
    paths.set(to, state);
    state.disputed = true;
    return;
  }
  const side = state.files === 1 << OURS ? OURS : THEIRS;
  present.files |= state.files;
  present.clash ||= present.folders !== 0;
  present.origins[side] = state.origins[side];
  present.stages[side] = state.stages[side];
  present.disputed = true;
}

/** Folders on the way to a path that no tree had. */
function addFolders(paths: MergeContext['paths'], path: string, folders: number): void {
  for (let folder = dirname(path); folder !== '' && !paths.has(folder); folder = dirname(folder)) {
    paths.set(folder, newState(folder, ABSENT, folders));
  }
}

/**
 * Opens settled folders on the way to a path, so that a file can be put there. git before 2.51 does not, and its tree
 * then lacks what was in them; the merge is a conflict either way.
 */
function openFolders({ paths, objects }: MergeContext, path: string): void {
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
    const folder = path.slice(0, end);
    const state = paths.get(folder);
    if (state?.clean !== true || state.result.mode !== MODES.tree) continue;
    for (const [name, entry] of readFolder(objects, state.result.oid)) {
      const inner = newState(`${folder}/${name}`, entry, entry.mode === MODES.tree ? 7 : 0);
      inner.files = 7 & ~inner.folders;
      inner.clean = true;
      paths.set(`${folder}/${name}`, inner);
    }
    paths.set(folder, newState(folder, ABSENT, state.folders));
  }
}

function newState(path: string, result: FileEntry, folders: number): PathState {
  return {
    clean: false,
    gone: false,
    result,
    stages: [ABSENT, ABSENT, ABSENT],
    origins: [path, path, path],
    files: 0,
    folders,
    equal: 0,
    clash: false,
    disputed: false,
  };
}
