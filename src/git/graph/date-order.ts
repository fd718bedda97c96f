/**
 * The order of `git log --date-order` (git-log, "Commit Ordering"): by committer date, newest first, and no parent
 * before all of its children. Unlike the default order it does not depend on clocks being right.
 */
import { type CommitTable, MISSING } from './table.js';
import { missing } from './walk.js';

/** @returns rows, at most `limit` of them after the first `skip` */
export function dateOrder(table: CommitTable, start: number, skip: number, limit: number): number[] {
  const { parents, parentStart } = table;
  const waiting = childCounts(table, start);
  const ready = new Frontier(table.times);
  ready.push(start);
  const found: number[] = [];
  for (let taken = 0; found.length < limit; taken++) {
    const row = ready.pop();
    if (row === undefined) break;
    if (taken >= skip) found.push(row);
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      waiting[parent]! -= 1;
      if (waiting[parent] === 0) ready.push(parent);
    }
  }
  return found;
}

/** How many edges lead to each row from rows that `start` reaches. */
function childCounts(table: CommitTable, start: number): Int32Array {
  const { parents, parentStart } = table;
  const counts = new Int32Array(start + 1);
  for (let row = start; row >= 0; row--) {
    if (row !== start && counts[row] === 0) continue;
    for (let i = parentStart[row]!; i < parentStart[row + 1]!; i++) {
      const parent = parents[i]!;
      if (parent === MISSING) throw missing(table, i);
      counts[parent]! += 1;
    }
  }
  return counts;
}

/** A binary heap, newest on top; of equal dates the one that came first, as in git's queue. */
class Frontier {
  readonly #times: Float64Array;
  readonly #heap: { row: number; turn: number }[] = [];
  #turn = 0;

  constructor(times: Float64Array) {
    this.#times = times;
  }

  push(row: number): void {
    const heap = this.#heap;
    let at = heap.push({ row, turn: this.#turn++ }) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(at, above)) break;
      this.#swap(at, above);
      at = above;
    }
  }

  pop(): number | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top?.row;
    heap[0] = last;
    for (let at = 0; ; ) {
      let first = at;
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < heap.length && this.#isBefore(below, first)) first = below;
      }
      if (first === at) return top.row;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a]!, this.#heap[b]!];
    const difference = this.#times[left.row]! - this.#times[right.row]!;
    return difference === 0 ? left.turn < right.turn : difference > 0;
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}
