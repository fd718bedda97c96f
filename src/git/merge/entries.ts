/** Decides path by path what the merged tree gets, from the innermost folders outwards. */
import type { FileEntry } from '../diff/index.js';
import { MODES } from '../mode.js';
import { kind, mergeContent } from './content.js';
import type { MergeContext } from './context.js';
import { ABSENT, BASE, copyState, keepFiles, OURS, type PathState, THEIRS } from './paths.js';
import { TreeBuilder } from './tree-builder.js';

/** Settles all paths and writes the trees. Returns the root tree; conflicts are in `ctx.conflicted`. */
export function processEntries(ctx: MergeContext): string {
  const trees = new TreeBuilder(ctx.objects);
  // A folder sorts directly before what is in it, so the reverse order meets the content first.
  const order = [...ctx.paths.keys()].map((path) => ({ path, key: `${path}/` }));
  order.sort((a, b) => (a.key < b.key ? 1 : -1));
  ctx.meter.spend(order.length);
  for (const { path } of order) {
    const state = ctx.paths.get(path)!;
    // A renamed folder may also have put files below a file that is gone.
    const isFolder = state.folders !== 0 || (state.clean && state.gone && trees.isOpen(path));
    if (isFolder && !isWholeFolder(state)) {
      const folder = trees.close(path);
      state.result = folder ?? ABSENT;
      state.gone = folder === undefined;
    }
    if (state.clean) record(trees, path, state);
    else settle(ctx, trees, path, state);
  }
  return trees.root();
}

/** Settled by its id, never opened. */
function isWholeFolder(state: PathState): boolean {
  return state.clean && state.result.mode === MODES.tree;
}

function record(trees: TreeBuilder, path: string, { gone, result }: PathState): void {
  if (!gone && result.mode !== 0) trees.add(path, result);
}

function settle(ctx: MergeContext, trees: TreeBuilder, path: string, state: PathState): void {
  let [place, current] = [path, state];
  let fileSide: typeof OURS | typeof THEIRS | undefined;
  if (state.folders !== 0) {
    record(trees, path, state);
    if (state.files === 0) return;
    if (state.result.mode === 0) {
      // Nothing is left of the folder: the file may stand here.
      keepFiles(state);
      state.clash = false;
    } else {
      // Both sides deleted the file, or it has to make way.
      const onlyBase = state.files === 1 << BASE;
      current = copyState(state);
      state.files = 0;
      if (onlyBase) return;
      fileSide = (state.folders & (1 << OURS)) !== 0 ? THEIRS : OURS;
      keepFiles(current);
      place = freePath(ctx, path, fileSide);
      ctx.paths.set(place, current);
    }
  }
  place = decide(ctx, trees, place, current, fileSide);
  if (!current.clean) ctx.conflicted.add(place);
  record(trees, place, current);
}

/** Sets `clean`, `gone` and `result` of a file. Returns its path, which changes when it has to make way. */
function decide(
  ctx: MergeContext,
  trees: TreeBuilder,
  path: string,
  state: PathState,
  fileSide: typeof OURS | typeof THEIRS | undefined,
): string {
  const { stages, files, equal } = state;
  const undisputed = !state.clash && !state.disputed;
  const take = (entry: FileEntry, clean: boolean) => {
    state.result = entry;
    state.gone = entry.mode === 0;
    state.clean = clean;
  };
  if (equal === 6) take(stages[OURS], undisputed);
  else if (equal !== 0) {
    const changed = stages[equal === 3 ? THEIRS : OURS];
    take(changed, undisputed || changed.mode === 0);
  } else if (files >= 6 && kind(stages[OURS]) !== kind(stages[THEIRS])) {
    if (ctx.depth === 0) return separate(ctx, trees, path, state);
    take(stages[BASE], false);
  } else if (files >= 6) {
    const merged = mergeContent(ctx, stages, state.origins, 2 * ctx.depth);
    take(merged.result, merged.clean && undisputed);
    if (merged.clean && state.clash && fileSide !== undefined) {
      state.files = 1 << fileSide;
      stages[fileSide] = merged.result;
    }
  } else if (files === 3 || files === 5) {
    // Changed here, deleted there.
    take(ctx.depth > 0 ? stages[BASE] : stages[files === 5 ? THEIRS : OURS], false);
  } else if (files === 2 || files === 4) take(stages[files === 4 ? THEIRS : OURS], undisputed);
  else take(ABSENT, !state.disputed);
  return path;
}

/** Two kinds of things at one path: regular files make way, two others both do. Returns the path of ours. */
function separate(ctx: MergeContext, trees: TreeBuilder, path: string, state: PathState): string {
  const [base, ours, theirs] = state.stages;
  const isFile = ({ mode }: FileEntry) => kind({ mode, oid: '' }) === kind({ mode: MODES.file, oid: '' });
  const moveOurs = isFile(ours) || !isFile(theirs);
  const moveTheirs = !isFile(ours);
  const oursPath = moveOurs ? freePath(ctx, path, OURS) : path;
  const theirsPath = moveTheirs ? freePath(ctx, path, THEIRS) : path;

  const other = copyState(state);
  other.clean = false;
  other.result = theirs;
  other.stages = [kind(theirs) === kind(base) ? base : ABSENT, ABSENT, theirs];
  other.files = kind(theirs) === kind(base) ? 5 : 4;
  state.clean = false;
  state.result = ours;
  state.stages = [kind(ours) === kind(base) ? base : ABSENT, ours, ABSENT];
  state.files = kind(ours) === kind(base) ? 3 : 2;

  if (moveOurs) ctx.paths.set(oursPath, state);
  ctx.paths.set(theirsPath, other);
  if (moveOurs && moveTheirs) ctx.paths.delete(path);
  ctx.conflicted.add(theirsPath);
  record(trees, theirsPath, other);
  return oursPath;
}

/** A path beside `path`, named after the side whose file goes there. */
function freePath(ctx: MergeContext, path: string, side: typeof OURS | typeof THEIRS): string {
  const label = side === OURS ? ctx.labels.ours : ctx.labels.theirs;
  const base = `${path}~${label.replaceAll('/', '_')}`;
  let free = base;
  for (let i = 0; ctx.paths.has(free); i++) free = `${base}_${i}`;
  return free;
}
