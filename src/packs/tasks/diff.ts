/** Worker task: the diff of two trees. */
import { diffTrees, type TreeDiff } from '../../git/diff/index.js';
import type { DiffRequest } from '../contract.js';
import { TimeMeter } from './meter.js';
import { PackObjects } from './objects.js';
import { withPacks } from './read-packs.js';

/** @throws AppError PAYLOAD_TOO_LARGE, OBJECT_CORRUPTED */
export function diffTask({ packs, oldTree, newTree, detail }: DiffRequest, meter = new TimeMeter()): Promise<TreeDiff> {
  return withPacks(packs, async (set) => diffTrees(new PackObjects(set, meter), oldTree, newTree, detail, meter));
}
