/**
 * Walks the three trees of a merge side by side. What is settled by comparing ids is settled here; the rest is
 * recorded, with the deleted and added files among which renames are looked for.
 */
import { AppError } from '../../errors.js';
import { dirname, type FileEntry, type Folder, MAX_TREE_DEPTH, readFolder } from '../diff/index.js';
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

/** Renames of a first pass, by side, from old to new path. With them most folders need not be opened. */
export type KnownRenames = Record<Side, ReadonlyMap<string, string>>;

/** So many times more paths because of renames make git start over, once it knows them. */
const REPEAT_FACTOR = 3;

/**
 * Fills `ctx.paths` and `changes` (by side).
 * @param known renames found in a first pass over the same trees
 * @returns whether git would start over with the renames it finds now; what it then leaves unopened can be told from
 *   the result, so we have to do the same
 * @throws AppError PAYLOAD_TOO_LARGE, OBJECT_CORRUPTED
 */
export function collectPaths(
  ctx: MergeContext,
  trees: Trees,
  changes: Record<Side, SideChanges>,
  known?: KnownRenames,
): boolean {
  const collector = new Collector(ctx, changes, known);
  collector.walk(trees, '', new FolderTrail(), 0);
  const before = ctx.paths.size;
  const opened = SIDES.map((side) => collector.finish(side));
  return opened.includes(true) && Math.floor(ctx.paths.size / before) >= REPEAT_FACTOR;
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
  #pending: Record<Side, Map<string, Pending>> = { [OURS]: new Map(), [THEIRS]: new Map() };
  readonly #mayWait: Record<Side, boolean> = { [OURS]: true, [THEIRS]: true };

  readonly #known: KnownRenames | undefined;
  readonly #knownTargets: Record<Side, ReadonlySet<string>>;
  /** Folders into which known renames lead. */
  readonly #targets: Record<Side, Set<string>> = { [OURS]: new Set(), [THEIRS]: new Set() };

  constructor(ctx: MergeContext, changes: Record<Side, SideChanges>, known: KnownRenames | undefined) {
    this.#ctx = ctx;
    this.#changes = changes;
    this.#known = known;
    this.#knownTargets = { [OURS]: new Set(known?.[OURS].values()), [THEIRS]: new Set(known?.[THEIRS].values()) };
  }

  walk(trees: Trees, folder: string, trail: FolderTrail, depth: number): void {
    if (depth > MAX_TREE_DEPTH) throw tooLarge(`folders nested deeper than ${MAX_TREE_DEPTH}`);
    const rows = this.#rows(trees);
    this.#ctx.meter.spend(rows.length);
    const here = trail.enter(rows.map((row) => row.files));
    for (const row of rows) this.#visit(row, folder, here, depth);
  }

  /**
   * Opens the waiting folders of a side when renames of this side matter, otherwise takes them as they are. With known
   * renames only the folders into which they lead are opened. Returns whether all were opened.
   */
  finish(side: Side): boolean {
    const waiting = this.#pending[side];
    const open = this.#known === undefined && this.#changes[side].relevant.size > 0;
    this.#mayWait[side] = !open;
    if (this.#known !== undefined) this.#findTargets(side, this.#known[side]);
    this.#pending[side] = new Map();
    for (const path of inHashOrder(waiting.keys())) {
      const { state, trees, trail, depth } = waiting.get(path)!;
      if (open || this.#targets[side].has(path)) {
        state.equal &= state.files;
        this.walk(trees, path, trail, depth);
      } else takeWhole(state, side);
    }
    for (const { state } of this.#pending[side].values()) takeWhole(state, side);
    return open;
  }

  #findTargets(side: Side, known: ReadonlyMap<string, string>): void {
    for (const path of this.#changes[side].relevant.keys()) {
      const target = known.get(path);
      if (target === undefined || this.#ctx.paths.has(target)) continue;
      for (let folder = dirname(target); folder !== ''; folder = dirname(folder)) this.#targets[side].add(folder);
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
    return namesInWalkOrder(folders).map((name) => new Row(name, folders));
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
    const waits = side !== undefined && this.#mayWait[side] && !inside.hasAdditions;
    if (waits && !this.#targets[side].has(path)) {
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
      } else if (!inBase && inSide && !this.#knownTargets[side].has(path)) {
        changes.added.push({ path, ...stages[side] });
      }
    }
  }
}

/**
 * The names of three folders in the order of git's walk, in which files are paired when several pairs are equally good:
 * of the next names of each folder, which stand as in a tree, the least by bytes, from all three at once.
 */
function namesInWalkOrder(folders: readonly Folder[]): string[] {
  const lists = [...new Set(folders)].map((folder) => [...folder.keys()]);
  const next = lists.map(() => 0);
  const names = new Set<string>();
  for (;;) {
    let least: string | undefined;
    for (const [i, list] of lists.entries()) {
      while (next[i]! < list.length && names.has(list[next[i]!]!)) next[i]!++;
      const name = list[next[i]!];
      if (name !== undefined && (least === undefined || name < least)) least = name;
    }
    if (least === undefined) return [...names];
    names.add(least);
  }
}

/** One name in up to three folders. */
class Row {
  readonly stages: Stages;
  readonly files: number = 0;
  readonly folders: number = 0;
  readonly equal: number;

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
