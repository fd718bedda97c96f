/** Chooses the base of a merge on the commit graph; the trees themselves are merged where the objects are. */
import { AppError } from '../../errors.js';
import { EMPTY_TREE } from '../diff/index.js';
import type { CommitGraph } from '../graph/index.js';
import type { MergeInput, MergePlan } from './types.js';

/**
 * Merges of merge bases that one plan may hold. Bases of bases can multiply with every criss-cross below another; real
 * histories need a handful, a forged one could ask for any number.
 */
export const MAX_VIRTUAL_BASES = 64;

interface Planner {
  graph: CommitGraph;
  merges: number;
}

/**
 * How to merge `theirs` into `ours`, both indexes of commits. Several best common ancestors are merged with each other
 * first, oldest first, as git's recursive merge does; without any the base is the empty tree.
 * @throws AppError PAYLOAD_TOO_LARGE when that takes more than MAX_VIRTUAL_BASES merges
 * @throws GraphError when the history is incomplete
 */
export function planMerge(graph: CommitGraph, ours: number, theirs: number): MergeInput {
  return { base: planBase({ graph, merges: 0 }, [ours], theirs), ours: tree(graph, ours), theirs: tree(graph, theirs) };
}

/** The base of a merge between a commit and a virtual one whose parents are `ours`. */
function planBase(planner: Planner, ours: readonly number[], theirs: number): MergePlan {
  const { graph } = planner;
  const [first, ...others] = commonAncestors(graph, ours, theirs);
  if (first === undefined) return { kind: 'tree', oid: EMPTY_TREE };
  let plan = tree(graph, first);
  const merged = [first];
  for (const other of others) {
    planner.merges += 1;
    if (planner.merges > MAX_VIRTUAL_BASES) {
      throw new AppError('PAYLOAD_TOO_LARGE', {
        message: `The histories cross too often: their merge base needs more than ${MAX_VIRTUAL_BASES} merges.`,
      });
    }
    plan = { kind: 'merged', base: planBase(planner, merged, other), ours: plan, theirs: tree(graph, other) };
    merged.push(other);
  }
  return plan;
}

/** Best common ancestors of one commit and any of `ours`, oldest first. */
function commonAncestors(graph: CommitGraph, ours: readonly number[], theirs: number): number[] {
  const all = [...new Set(ours.flatMap((commit) => graph.mergeBases(commit, theirs)))];
  const best = all.filter((a) => !all.some((b) => b !== a && graph.isAncestor(a, b)));
  return best.sort((a, b) => graph.time(a) - graph.time(b) || a - b);
}

function tree(graph: CommitGraph, commit: number): MergePlan {
  return { kind: 'tree', oid: graph.tree(commit) };
}
