/**
 * Walks the three trees of a merge side by side. What is settled by comparing ids is settled here; the rest is
 * recorded, with the deleted and added files among which renames are looked for.
 */
import { AppError } from '../../errors.js';
import { type FileEntry, type Folder, MAX_TREE_DEPTH, readFolder } from '../diff/index.js';
import { MODES } from '../mode.js';
import type { Oid } from '../oid.js';
import type { MergeContext } from './context.js';
import { inHashOrder } from './hash-order.js';
import { MAX_MERGE_PATHS } from './limits.js';
import { ABSENT, BASE, OURS, type PathState, type Side, type Stages, THEIRS } from './paths.js';
import { ANCESTOR_MATTERS, FolderTrail, SELF_MATTERS, type SideChanges, UNIMPORTANT } from './side-changes.js';

type Trees = [Oid | undefined, Oid | undefined, Oid | undefined];

const VERSIONS = [BASE, OURS, THEIRS] as const;
const SIDES = [OURS, THEIRS] as const;
const ALL = 7;

/** Fills `ctx.paths` and `changes` (by side). @throws AppError PAYLOAD_TOO_LARGE, OBJECT_CORRUPTED */
export function collectPaths(ctx: MergeContext, trees: Trees, changes: Record<Side, SideChanges>): void {
  const collector = new Collector(ctx, changes);
  collector.walk(trees, '', new FolderTrail(), 0);
  for (const side of SIDES) collector.finish(side);
}

/** A folder that only one side changed. */
interface Pending {
  state: PathState;
  trees: Trees;
  trail: FolderTrail;
  depth: number;
}

class Collector {
  readonly #ctx: MergeContext;
  readonly #changes: Record<Side, SideChanges>;
  /** By the side that changed the folder. They wait until it is known whether renames may lead into or out of them. */
  readonly #pending: Record<Side, Map<string, Pending>> = { [OURS]: new Map(), [THEIRS]: new Map() };
  readonly #mayWait: Record<Side, boolean> = { [OURS]: true, [THEIRS]: true };

  constructor(ctx: MergeContext, changes: Record<Side, SideChanges>) {
    this.#ctx = ctx;
    this.#changes = changes;
  }

  walk(trees: Trees, folder: string, trail: FolderTrail, depth: number): void {
    if (depth > MAX_TREE_DEPTH) throw tooLarge(`folders nested deeper than ${MAX_TREE_DEPTH}`);
    const rows = this.#rows(trees);
    this.#ctx.meter.spend(rows.length);
    const here = trail.enter(rows.map((row) => row.files));
    for (const row of rows) this.#visit(row, folder, here, depth);
  }

  /** Opens the waiting folders of a side when renames of this side matter, otherwise takes them as they are. */
  finish(side: Side): void {
    const waiting = this.#pending[side];
    const open = this.#changes[side].relevant.size > 0;
    this.#mayWait[side] = !open;
    for (const path of inHashOrder(waiting.keys())) {
      const { state, trees, trail, depth } = waiting.get(path)!;
      if (open) {
        state.equal &= state.files;
        this.walk(trees, path, trail, depth);
      } else takeWhole(state, side);
    }
  }

  #rows(trees: Trees): Row[] {
    const opened = new Map<Oid, Folder>();
    const folders = trees.map((oid) => {
      if (oid === undefined) return new Map() as Folder;
      const folder = opened.get(oid) ?? readFolder(this.#ctx.objects, oid);
      opened.set(oid, folder);
      return folder;
    }) as [Folder, Folder, Folder];
    const names = new Set(folders.flatMap((folder) => [...folder.keys()]));
    const rows = [...names].map((name) => new Row(name, folders));
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #visit(row: Row, folder: string, trail: FolderTrail, depth: number): void {
    const { stages, files, folders, equal } = row;
    const path = folder === '' ? row.name : `${folder}/${row.name}`;
    const settled = row.settled();
    const state: PathState = {
      clean: settled !== undefined,
      gone: false,
      result: settled ?? ABSENT,
      stages: [...stages],
      origins: [path, path, path],
      files,
      folders,
      equal,
      clash: files !== 0 && folders !== 0,
      disputed: false,
    };
    this.#ctx.paths.set(path, state);
    if (this.#ctx.paths.size > MAX_MERGE_PATHS) throw tooLarge(`more than ${MAX_MERGE_PATHS} changed paths`);
    if (settled !== undefined) return;
    const inside = trail.below(folders);
    this.#noteFolder(path, folder, files, folders, inside);
    this.#noteFile(path, stages, files, equal & files, inside);
    if (folders === 0) return;
    const trees = stages.map(({ mode, oid }) => (mode === MODES.tree ? oid : undefined)) as Trees;
    const side = changedBy(row);
    if (side !== undefined && this.#mayWait[side] && !inside.hasAdditions) {
      this.#pending[side].set(path, { state, trees, trail: inside, depth: depth + 1 });
      return;
    }
    state.equal &= files;
    this.walk(trees, path, inside, depth + 1);
  }

  /** Notes folders that a side lost, and files added to folders that the other side may have moved. */
  #noteFolder(path: string, parent: string, files: number, folders: number, trail: FolderTrail): void {
    if (folders === 1 || folders === 3 || folders === 5) {
      const importance = trail.hasAdditions ? ANCESTOR_MATTERS : UNIMPORTANT;
      for (const side of SIDES) {
        if ((folders & (1 << side)) === 0) this.#changes[side].lostFolders.set(path, importance);
      }
    }
    if (trail.hasAdditions && (files === 2 || files === 4)) {
      const lostBy = files === 2 ? THEIRS : OURS;
      this.#changes[lostBy].lostFolders.set(parent, SELF_MATTERS);
    }
  }

  #noteFile(path: string, stages: Stages, files: number, equal: number, trail: FolderTrail): void {
    if (files === 0 || files === ALL) return;
    for (const side of SIDES) {
      const changes = this.#changes[side];
      const [inBase, inSide] = [(files & 1) !== 0, (files & (1 << side)) !== 0];
      if (inBase && !inSide) {
        changes.deleted.push({ path, ...stages[BASE] });
        // The other side changed it too, or may add files beside it: then it matters where it went.
        if (equal === 0) changes.relevant.set(path, 'content');
        else if (trail.hasAdditions) changes.relevant.set(path, 'location');
      } else if (!inBase && inSide) changes.added.push({ path, ...stages[side] });
    }
  }
}

/** One name in up to three folders. */
class Row {
  readonly stages: Stages;
  readonly files: number = 0;
  readonly folders: number = 0;
  readonly equal: number;
  /** Sorts as the path does: a name that is only a folder as if it ended in a slash. */
  readonly key: string;

  constructor(
    readonly name: string,
    folders: readonly [Folder, Folder, Folder],
  ) {
    this.stages = folders.map((folder) => folder.get(name) ?? ABSENT) as Stages;
    for (const version of VERSIONS) {
      const { mode } = this.stages[version];
      if (mode === MODES.tree) this.folders |= 1 << version;
      else if (mode !== 0) this.files |= 1 << version;
    }
    const [base, ours, theirs] = this.stages;
    const [a, b] = [same(base, ours), same(base, theirs)];
    this.equal = a ? (b ? ALL : 3) : b ? 5 : same(ours, theirs) ? 6 : 0;
    this.key = this.files === 0 ? `${name}/` : name;
  }

  /** The merged entry where ids alone tell it. Folders must be opened for the renames in them. */
  settled(): FileEntry | undefined {
    if (this.equal === ALL) return this.stages[BASE];
    if (this.files !== ALL || this.equal === 0) return undefined;
    return this.stages[this.equal === 3 ? THEIRS : OURS];
  }
}

/** The only side that changed an entry with a folder, or that has it. */
function changedBy({ files, folders, equal }: Row): Side | undefined {
  if (files === 0 && (folders === 2 || folders === 4)) return folders === 2 ? OURS : THEIRS;
  return equal === 3 ? THEIRS : equal === 5 ? OURS : undefined;
}

function takeWhole(state: PathState, side: Side): void {
  state.result = state.stages[side];
  state.gone = state.result.mode === 0;
  state.equal = 0;
  state.clean = true;
  if (state.result.mode !== MODES.tree) state.folders = 0;
}

function same(a: FileEntry, b: FileEntry): boolean {
  return a.mode !== 0 && a.mode === b.mode && a.oid === b.oid;
}

function tooLarge(what: string): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', { message: `The merge has ${what}.` });
}
