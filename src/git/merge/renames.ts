/** Finds the renames of both sides and joins the paths that belong together. */
import { findRenames, isRegular, type RenameCandidate } from '../diff/index.js';
import type { KnownRenames } from './collect.js';
import { mergeContent } from './content.js';
import type { MergeContext } from './context.js';
import { FolderMoves } from './folder-moves.js';
import { type AddedFile, FolderRenamer, folderRenames } from './folder-renames.js';
import { MERGE_RENAME_LIMIT } from './limits.js';
import { ABSENT, BASE, OURS, otherSide, type PathState, type Side, type Stages, THEIRS } from './paths.js';
import type { SideChanges } from './side-changes.js';

interface Rename {
  from: string;
  to: string;
  side: Side;
}

/** Added files of each side, renames among them. */
export type AddedFiles = Record<Side, AddedFile[]>;

/** Looks for renames on both sides. */
export function detectRenames(ctx: MergeContext, changes: Record<Side, SideChanges>): AddedFiles {
  return { [OURS]: detect(ctx, changes[OURS]), [THEIRS]: detect(ctx, changes[THEIRS]) };
}

/** The renames that mattered, for a second pass. */
export function relevantRenames(changes: Record<Side, SideChanges>, added: AddedFiles): KnownRenames {
  const ofSide = (side: Side) =>
    new Map(
      added[side].flatMap(({ path, from }): [string, string][] =>
        from !== undefined && changes[side].relevant.has(from) ? [[from, path]] : [],
      ),
    );
  return { [OURS]: ofSide(OURS), [THEIRS]: ofSide(THEIRS) };
}

/** The added files of a second pass with the renames of the first. */
export function withKnownRenames(changes: Record<Side, SideChanges>, known: KnownRenames): AddedFiles {
  const ofSide = (side: Side) => [
    ...changes[side].added.map(({ path }): AddedFile => ({ path, from: undefined })),
    ...[...known[side]].map(([from, path]): AddedFile => ({ path, from })),
  ];
  return { [OURS]: ofSide(OURS), [THEIRS]: ofSide(THEIRS) };
}

/** Rewrites `ctx.paths` so that a renamed file and its other version stand at one path. */
export function processRenames(ctx: MergeContext, changes: Record<Side, SideChanges>, added: AddedFiles): void {
  // A virtual base must not guess: its guesses would look like changes of both sides.
  const folders =
    ctx.depth === 0 ? folderRenames(ctx, changes) : { [OURS]: new Map<string, string>(), [THEIRS]: new Map() };
  const renamer = new FolderRenamer(ctx, folders, added);
  const renames: Rename[] = [];
  for (const side of [OURS, THEIRS] as const) {
    for (const file of added[side]) {
      const target = renamer.move(file, side);
      if (file.from !== undefined) renames.push({ from: file.from, to: target ?? file.path, side });
    }
  }
  renames.sort((a, b) => (a.from === b.from ? a.side - b.side : a.from < b.from ? -1 : 1));
  for (let i = 0; i < renames.length; i++) {
    const [rename, next] = [renames[i]!, renames[i + 1]];
    const source = ctx.paths.get(rename.from);
    if (source === undefined || source.clean) continue;
    if (next?.from !== rename.from) applyRename(ctx, rename, source);
    else {
      renamedTwice(ctx, source, rename, next);
      i++;
    }
  }
}

function mayHaveRenames({ deleted, added, relevant }: SideChanges): boolean {
  return relevant.size > 0 && deleted.length + added.length > 0;
}

function detect(ctx: MergeContext, changes: SideChanges): AddedFile[] {
  const { deleted, added } = changes;
  let found = new Map<string, RenameCandidate>();
  if (mayHaveRenames(changes)) {
    const hints = new FolderMoves(changes);
    const request = { deleted, added, limit: MERGE_RENAME_LIMIT, withEmpty: false, hints };
    found = findRenames(ctx.objects, request, ctx.meter);
  }
  return added.map(({ path }) => ({ path, from: found.get(path)?.path }));
}

/** Both sides renamed the file, to one place or to two. */
function renamedTwice(ctx: MergeContext, base: PathState, ours: Rename, theirs: Rename): void {
  const [a, b] = [ctx.paths.get(ours.to)!, ctx.paths.get(theirs.to)!];
  if (ours.to === theirs.to) {
    a.stages[BASE] = base.stages[BASE];
    a.files |= 1 << BASE;
    settleAsGone(base);
    return;
  }
  const stages: Stages = [base.stages[BASE], a.stages[OURS], b.stages[THEIRS]];
  const { result, clean } = mergeContent(ctx, stages, [ours.from, ours.to, theirs.to], 1 + 2 * ctx.depth);
  // What cannot be merged comes back as our version; then each place keeps the version that was moved there.
  const unmerged = !clean && result.mode === stages[OURS].mode && result.oid === stages[OURS].oid;
  a.stages[OURS] = result;
  b.stages[THEIRS] = unmerged ? stages[THEIRS] : result;
  for (const state of [base, a, b]) state.disputed = true;
}

/** One side renamed the file; the other kept, changed or deleted it, or has another file at the new place. */
function applyRename(ctx: MergeContext, { from, to, side }: Rename, source: PathState): void {
  const target = ctx.paths.get(to)!;
  const other = otherSide(side);
  const deleted = source.files === 1 << BASE;
  const typeChanged = !deleted && isRegular(source.stages[other].mode) !== isRegular(target.stages[side].mode);
  // With another type at the old place the file was moved away by both sides, which looks like a collision.
  const collides = (target.files & (1 << other)) !== 0 && !typeChanged;
  if (collides && !deleted) {
    const stages: Stages = [...source.stages];
    stages[side] = target.stages[side];
    const origins: PathState['origins'] = [from, from, from];
    origins[side] = to;
    target.stages[side] = mergeContent(ctx, stages, origins, 1 + 2 * ctx.depth).result;
  } else if (collides) target.disputed = true;
  else {
    target.stages[BASE] = source.stages[BASE];
    target.files |= 1 << BASE;
    target.origins[BASE] = from;
    if (typeChanged) {
      source.stages[BASE] = ABSENT;
      source.files &= ~(1 << BASE);
    } else if (deleted) target.disputed = true;
    else {
      target.stages[other] = source.stages[other];
      target.files |= 1 << other;
      target.origins[other] = from;
    }
  }
  if (!typeChanged) settleAsGone(source);
}

function settleAsGone(state: PathState): void {
  state.gone = true;
  state.clean = true;
}
