/** Worker task: merges, one on top of the other. */
import { AppError } from '../../errors.js';
import {
  DEFAULT_LABELS,
  MAX_MERGE_BYTES,
  type MergePlan,
  mergeTrees,
  type NewObject,
  WritableObjects,
} from '../../git/merge/index.js';
import { treeEntries } from '../../git/objects/index.js';
import type { Oid } from '../../git/oid.js';
import type { MergeOutcome, MergeRequest, MergeStepResult } from '../contract.js';
import { TimeMeter } from './meter.js';
import { PackObjects } from './objects.js';
import { withPacks } from './read-packs.js';

/** @throws AppError PAYLOAD_TOO_LARGE, OBJECT_CORRUPTED; RangeError when the first step asks for a previous tree */
export function mergeTask(request: MergeRequest, meter = new TimeMeter()): Promise<MergeOutcome> {
  return withPacks(request.packs, async (set) => {
    const objects = new WritableObjects(new PackObjects(set, meter));
    const steps: MergeStepResult[] = [];
    for (const { base, ours, theirs } of request.steps) {
      const input = { base, ours: ours === 'previous' ? previous(steps) : ours, theirs };
      const made = mergeTrees(objects, input, meter, request.labels ?? DEFAULT_LABELS);
      for (const { type, content } of made.objects) objects.write(type, content);
      if (objects.writtenBytes > MAX_MERGE_BYTES) throw tooLarge();
      steps.push({ tree: made.tree, conflicts: made.conflicts });
      if (made.conflicts.length > 0) return { steps, objects: [] };
    }
    return { steps, objects: needed(objects.written, steps) };
  });
}

function previous(steps: readonly MergeStepResult[]): MergePlan {
  const last = steps.at(-1);
  if (last === undefined) throw new RangeError('the first step has no previous one');
  return { kind: 'tree', oid: last.tree };
}

/** The new objects that the trees of the steps reach; those of virtual bases are left out. */
function needed(written: ReadonlyMap<Oid, NewObject>, steps: readonly MergeStepResult[]): NewObject[] {
  const found = new Map<Oid, NewObject>();
  const open = steps.map(({ tree }) => tree);
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    const object = written.get(oid);
    if (object === undefined || found.has(oid)) continue;
    found.set(oid, object);
    // What existing trees hold exists, so only new trees are looked into.
    if (object.type === 'tree') open.push(...treeEntries(object.content).map((entry) => entry.oid));
  }
  return [...found.values()];
}

function tooLarge(): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', {
    message: `The merges make more than ${MAX_MERGE_BYTES} bytes of new objects.`,
  });
}
