/** Merges two versions of one file, link or submodule. */
import { type FileEntry, isRegular, readText } from '../diff/index.js';
import { MODES } from '../mode.js';
import type { MergeContext } from './context.js';
import type { PathState, Stages } from './paths.js';
import { mergeTexts } from './text-merge.js';

const MARKER_SIZE = 7;
const KIND = 0o170000;

export interface ContentMerge {
  result: FileEntry;
  clean: boolean;
}

/**
 * Both sides must be of one kind. `extraMarkers` makes the markers longer, so that conflicts in conflicts can be told
 * apart.
 */
export function mergeContent(
  ctx: MergeContext,
  [base, ours, theirs]: Stages,
  origins: PathState['origins'],
  extraMarkers: number,
): ContentMerge {
  const { mode, clean } = mergeModes(base, ours, theirs);
  if (ours.oid === theirs.oid || ours.oid === base.oid) return { result: { mode, oid: theirs.oid }, clean };
  if (theirs.oid === base.oid) return { result: { mode, oid: ours.oid }, clean };
  const related = kind(base) === kind(ours);
  if (isRegular(ours.mode)) {
    const merged = mergeBlobs(ctx, related ? base : undefined, ours, theirs, origins, extraMarkers);
    return { result: { mode, oid: merged.oid }, clean: clean && merged.clean };
  }
  // Links and submodules have no lines. A virtual base takes the older version, the result itself keeps ours.
  if (ctx.depth === 0) return { result: { mode, oid: ours.oid }, clean: false };
  if (ours.mode === MODES.symlink || !related) return { result: base, clean: false };
  return { result: { mode, oid: base.oid }, clean: false };
}

export function kind({ mode }: FileEntry): number {
  return mode & KIND;
}

function mergeModes(base: FileEntry, ours: FileEntry, theirs: FileEntry): { mode: number; clean: boolean } {
  if (ours.mode === theirs.mode || ours.mode === base.mode) return { mode: theirs.mode, clean: true };
  return { mode: ours.mode, clean: theirs.mode === base.mode };
}

function mergeBlobs(
  ctx: MergeContext,
  base: FileEntry | undefined,
  ours: FileEntry,
  theirs: FileEntry,
  origins: PathState['origins'],
  extraMarkers: number,
): { oid: string; clean: boolean } {
  const { objects, meter, depth } = ctx;
  const none = new Uint8Array(0);
  const old = base === undefined ? none : readText(objects, base.oid);
  const [a, b] = [readText(objects, ours.oid), readText(objects, theirs.oid)];
  if (old === undefined || a === undefined || b === undefined) {
    // Binary: a virtual base stays at its own base, so that the real merge still sees both changes.
    if (depth > 0) return { oid: base?.oid ?? objects.write('blob', none), clean: true };
    return { oid: ours.oid, clean: false };
  }
  const sameName = origins[0] === origins[1] && origins[1] === origins[2];
  const label = (name: string, path: string) => (sameName ? name : `${name}:${path}`);
  const labels = { ours: label(ctx.labels.ours, origins[1]), theirs: label(ctx.labels.theirs, origins[2]) };
  const merged = mergeTexts(old, a, b, { labels, markerSize: MARKER_SIZE + extraMarkers }, meter);
  return { oid: objects.write('blob', merged.content), clean: merged.clean };
}
