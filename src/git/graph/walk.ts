/**
 * Walks over a commit table. Parents have smaller row numbers than children, so one loop down the rows settles a
 * commit only after all its children: no priority queue, no clocks, and the first answer is final.
 */
import { type CommitTable, MISSING } from './table.js';

/** Thrown when a walk needs a commit that no segment has: the repository is incomplete. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

const INCLUDED = 1;
const EXCLUDED = 2;

/** The error for the parent at this position of `table.parents`. */
export function missing(table: CommitTable, position: number): GraphError {
  return new GraphError(`commit ${table.missing.get(position) ?? 'unknown'} is missing`);
}

function largest(...lists: (readonly number[])[]): number {
  let max = -1;
  for (const list of lists) for (const row of list) if (row > max) max = row;
  return max;
}

/** Where a walk ends before the roots. */
export interface WalkLimits {
  /** Commits whose parents count as absent, as in a shallow repository. */
  cut?: ReadonlySet<number>;
  /** Commits with an earlier committer time, seconds since 1970, are left out, and so is everything behind them. */
  since?: number;
  /** Rows before this one are left out; no way to a later one leads over them. */
  from?: number;
}

export function reachable(
  table: CommitTable,
  include: readonly number[],
  exclude: readonly number[],
  { cut, since = Number.NEGATIVE_INFINITY, from = 0 }: WalkLimits = {},
): Int32Array {
  const { parents, parentStart, times } = table;
  const top = largest(include, exclude);
  const flags = new Uint8Array(top + 1);
  /** Commits marked INCLUDED and not EXCLUDED that the loop has not come to. */
  let open = 0;
  const mark = (row: number, bits: number) => {
    const before = flags[row]!;
    const after = before | bits;
    flags[row] = after;
    if (before !== INCLUDED && after === INCLUDED) open++;
    else if (before === INCLUDED && after !== INCLUDED) open--;
  };
  for (const row of include) mark(row, INCLUDED);
  for (const row of exclude) mark(row, EXCLUDED);
  const found: number[] = [];
  for (let row = top; open > 0 && row >= from; row--) {
    if (flags[row] === INCLUDED && times[row]! < since) mark(row, EXCLUDED);
    const bits = flags[row]!;
    if (bits === 0) continue;
    if (bits === INCLUDED) {
      open--;
      found.push(row);
    }
    if (cut?.has(row)) continue;
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      if (parent === MISSING) throw missing(table, i);
      mark(parent, bits);
    }
  }
  return Int32Array.from(found).reverse();
}

/** Whether one of `descendants` is `ancestor` or reaches it. */
export function isAncestor(table: CommitTable, ancestor: number, descendants: readonly number[]): boolean {
  const { parents, parentStart, generations } = table;
  const top = largest(descendants);
  if (ancestor > top) return false;
  const flags = new Uint8Array(top - ancestor + 1);
  for (const row of descendants) if (row >= ancestor) flags[row - ancestor] = INCLUDED;
  for (let row = top; row > ancestor; row--) {
    // A commit of no larger generation cannot be above the one we look for.
    if (flags[row - ancestor] === 0 || generations[row]! <= generations[ancestor]!) continue;
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      if (parent === MISSING) throw missing(table, i);
      if (parent >= ancestor) flags[parent - ancestor] = INCLUDED;
    }
  }
  return flags[0] === INCLUDED;
}

/** Positions in `table.parents` of the parents that the table lacks of the commits reachable from `start`. */
export function openParents(table: CommitTable, start: number): number[] {
  const { parents, parentStart } = table;
  const flags = new Uint8Array(start + 1);
  flags[start] = INCLUDED;
  const found: number[] = [];
  for (let row = start; row >= 0; row--) {
    if (flags[row] === 0) continue;
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      if (parent === MISSING) found.push(i);
      else flags[parent] = INCLUDED;
    }
  }
  return found;
}

const SIDE_A = 1;
const SIDE_B = 2;
const BOTH = SIDE_A | SIDE_B;
/** Reachable from a merge base: common too, but not best. */
const STALE = 4;

export function mergeBases(table: CommitTable, a: number, b: number): number[] {
  const { parents, parentStart } = table;
  const top = Math.max(a, b);
  const flags = new Uint8Array(top + 1);
  /** Commits with a mark other than STALE that the loop has not come to. */
  let open = 0;
  const mark = (row: number, bits: number) => {
    const before = flags[row]!;
    const after = before | bits;
    flags[row] = after;
    if (before === 0 && after < STALE) open++;
    else if (before !== 0 && before < STALE && after >= STALE) open--;
  };
  mark(a, SIDE_A);
  mark(b, SIDE_B);
  const bases: number[] = [];
  for (let row = top; open > 0; row--) {
    let bits = flags[row]!;
    if (bits === 0) continue;
    if (bits < STALE) open--;
    if (bits === BOTH) {
      bases.push(row);
      bits |= STALE;
    }
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      if (parent !== MISSING) mark(parent, bits);
      else if (bits < STALE) throw missing(table, i);
    }
  }
  return bases;
}

/** True when each of `from` is or reaches one of `targets`. A missing parent reaches nothing. */
export function reachesAny(table: CommitTable, from: readonly number[], targets: readonly number[]): boolean {
  if (from.length === 0) return true;
  if (targets.length === 0) return false;
  const { parents, parentStart } = table;
  const top = largest(from);
  const bottom = targets.reduce((least, row) => Math.min(least, row));
  if (from.some((row) => row < bottom)) return false;
  const reaches = new Uint8Array(top - bottom + 1);
  for (const row of targets) if (row <= top) reaches[row - bottom] = 1;
  for (let row = bottom; row <= top; row++) {
    for (let i = parentStart[row]!; i < parentStart[row + 1]! && reaches[row - bottom] === 0; i++) {
      const parent = parents[i]!;
      if (parent >= bottom && reaches[parent - bottom] === 1) reaches[row - bottom] = 1;
    }
  }
  return from.every((row) => reaches[row - bottom] === 1);
}
