/** Tips of packs that were put together. */
import type { CommitGraph } from '../git/index.js';
import type { Oid } from '../git/oid.js';

/** The tips without those commits that others of them reach. What the rest reaches is the same. */
export function reduceTips(graph: CommitGraph, tips: readonly Oid[]): Oid[] {
  const positions = new Map<Oid, number>();
  for (const oid of tips) positions.set(oid, graph.indexOf(oid));
  const commits = [...positions.values()].filter((position) => position >= 0);
  const parents = commits.flatMap((commit) => graph.parents(commit)).filter((parent) => parent >= 0);
  // What lies before all tips is none of them: the walk costs as much as the packs, not as much as all history.
  const from = commits.reduce((least, commit) => Math.min(least, commit), graph.size);
  const behind = new Uint8Array(graph.size);
  for (const commit of graph.reachable([...new Set(parents)], [], { from })) behind[commit] = 1;
  return [...positions].filter(([, position]) => position < 0 || behind[position] !== 1).map(([oid]) => oid);
}
