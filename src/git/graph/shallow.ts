/**
 * Where a shallow clone ends (gitprotocol-pack, "shallow" and "deepen" lines; git-fetch, `--depth`). As in the other
 * walks one loop down the rows is enough: every child is settled before its parents.
 */
import { type CommitTable, MISSING } from './table.js';
import { missing } from './walk.js';

export interface ShallowBorder {
  /** Commits at the border: they belong to the clone, their parents do not. */
  border: number[];
  /** 1 at each commit that belongs to the clone together with all its parents; as long as the graph. */
  inside: Uint8Array;
}

/** The shortest way from any head decides; a root that lies exactly at `depth` counts as border, as in git. */
export function borderAtDepth(
  table: CommitTable,
  size: number,
  heads: readonly number[],
  depth: number,
): ShallowBorder {
  const { parents, parentStart } = table;
  const inside = new Uint8Array(size);
  const border: number[] = [];
  /** 0 = not reached. */
  const depths = new Int32Array(size);
  let top = -1;
  for (const head of heads) {
    depths[head] = 1;
    if (head > top) top = head;
  }
  for (let row = top; row >= 0; row--) {
    const own = depths[row]!;
    if (own === 0) continue;
    if (own >= depth) {
      border.push(row);
      continue;
    }
    inside[row] = 1;
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      if (parent === MISSING) throw missing(table, i);
      if (depths[parent] === 0 || depths[parent]! > own + 1) depths[parent] = own + 1;
    }
  }
  return { border, inside };
}

export function borderOf(table: CommitTable, size: number, commits: Int32Array): ShallowBorder {
  const { parents, parentStart } = table;
  const member = new Uint8Array(size);
  for (const commit of commits) member[commit] = 1;
  const inside = member.slice();
  const border: number[] = [];
  for (const commit of commits) {
    for (let i = parentStart[commit]!; i < parentStart[commit + 1]! && inside[commit] === 1; i++) {
      const parent = parents[i]!;
      if (parent === MISSING) throw missing(table, i);
      if (member[parent] === 0) inside[commit] = 0;
    }
    if (inside[commit] === 0) border.push(commit);
  }
  return { border, inside };
}
