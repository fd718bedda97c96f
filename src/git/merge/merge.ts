/** Three-way merge of trees, with the results of `git merge-tree --write-tree` (the "ort" strategy). */
import { AppError } from '../../errors.js';
import { displayPath } from '../diff/index.js';
import type { ObjectSource, WorkMeter } from '../objects/index.js';
import type { Oid } from '../oid.js';
import { collectPaths } from './collect.js';
import { type MergeContext, WritableObjects } from './context.js';
import { processEntries } from './entries.js';
import { MAX_MERGE_BYTES } from './limits.js';
import { OURS, THEIRS } from './paths.js';
import { detectRenames, processRenames, relevantRenames, withKnownRenames } from './renames.js';
import { noChanges } from './side-changes.js';
import type { MergeInput, MergeLabels, MergePlan, MergeResult } from './types.js';

/** Git's names for the sides of a merge of merge bases. */
const VIRTUAL_LABELS: MergeLabels = { ours: 'Temporary merge branch 1', theirs: 'Temporary merge branch 2' };

export const DEFAULT_LABELS: MergeLabels = { ours: 'ours', theirs: 'theirs' };

/**
 * Merges `theirs` into `ours`. Nothing is stored: the new objects are handed back.
 * @throws AppError PAYLOAD_TOO_LARGE beyond the limits of limits.ts, OBJECT_CORRUPTED when an object is missing
 */
export function mergeTrees(
  source: ObjectSource,
  input: MergeInput,
  meter: WorkMeter,
  labels: MergeLabels = DEFAULT_LABELS,
): MergeResult {
  const objects = new WritableObjects(source);
  const { tree, conflicts } = merge(objects, input, meter, labels, 0);
  return { tree, conflicts, objects: [...objects.written.values()] };
}

function merge(
  objects: WritableObjects,
  input: MergeInput,
  meter: WorkMeter,
  labels: MergeLabels,
  depth: number,
): { tree: Oid; conflicts: string[] } {
  // A merge of three bases is one of two merged with the third: both belong to one level.
  const resolve = (plan: MergePlan, level: number): Oid =>
    plan.kind === 'tree' ? plan.oid : merge(objects, plan, meter, VIRTUAL_LABELS, level).tree;
  const base = resolve(input.base, depth + 1);
  const ours = resolve(input.ours, Math.max(depth, 1));
  const theirs = resolve(input.theirs, Math.max(depth, 1));
  const trees: [Oid, Oid, Oid] = [base, ours, theirs];
  const key = [depth, ...trees].join(' ');
  const known = depth === 0 ? undefined : objects.virtual.get(key);
  // Conflicts of a virtual base are part of its content and reported nowhere.
  if (known !== undefined) return { tree: known, conflicts: [] };
  const ctx: MergeContext = {
    objects,
    meter,
    labels: { ours: latin1(labels.ours), theirs: latin1(labels.theirs) },
    depth,
    paths: new Map(),
    conflicted: new Set(),
    unclear: new Set(),
  };
  let changes = { [OURS]: noChanges(), [THEIRS]: noChanges() };
  const again = collectPaths(ctx, trees, changes);
  let added = detectRenames(ctx, changes);
  if (again) {
    const renames = relevantRenames(changes, added);
    ctx.paths.clear();
    changes = { [OURS]: noChanges(changes[OURS].moves), [THEIRS]: noChanges(changes[THEIRS].moves) };
    collectPaths(ctx, trees, changes, renames);
    added = withKnownRenames(changes, renames);
  }
  processRenames(ctx, changes, added);
  const tree = processEntries(ctx);
  if (objects.writtenBytes > MAX_MERGE_BYTES) {
    throw new AppError('PAYLOAD_TOO_LARGE', {
      message: `The merge makes more than ${MAX_MERGE_BYTES} bytes of new objects.`,
    });
  }
  if (depth > 0) objects.virtual.set(key, tree);
  const conflicts = ctx.conflicted.size > 0 ? ctx.conflicted : ctx.unclear;
  return { tree, conflicts: [...conflicts].sort().map(displayPath) };
}

/** Paths are handled as bytes, one per character; labels become parts of paths. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
