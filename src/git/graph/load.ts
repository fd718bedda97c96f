/** Reads segments into a table so that every parent has a smaller row number than its children. */
import { asBuffer } from '../bytes.js';
import { OID_BYTES, oidToBytes } from '../oid.js';
import { readSegment, type SegmentVisitor } from './segment.js';
import type { CommitTable } from './table.js';

/** What an annotated tag points at; `targetType` is a pack type number. */
export interface TagTarget {
  target: string;
  targetType: number;
}

/** Appends the commits that are new; tags go into `tags`. Room must have been reserved. */
export function appendSegment(table: CommitTable, tags: Map<string, TagTarget>, bytes: Uint8Array): void {
  readSegment(bytes, {
    commit(oidAt, treeAt, time, parentsAt, parentCount) {
      if (table.find(bytes, oidAt) !== -1) return;
      table.begin(bytes, oidAt, treeAt, time);
      for (let i = 0; i < parentCount; i++) table.addParent(bytes, parentsAt + i * OID_BYTES);
      table.finish();
    },
    tag: tagTaker(tags, bytes),
  });
}

/** Takes the tags alone. */
export function appendTags(tags: Map<string, TagTarget>, bytes: Uint8Array): void {
  readSegment(bytes, { commit() {}, tag: tagTaker(tags, bytes) });
}

function tagTaker(tags: Map<string, TagTarget>, bytes: Uint8Array): SegmentVisitor['tag'] {
  const view = asBuffer(bytes);
  return (oidAt, targetAt, targetType) => {
    const target = view.toString('hex', targetAt, targetAt + OID_BYTES);
    tags.set(view.toString('hex', oidAt, oidAt + OID_BYTES), { target, targetType });
  };
}

/**
 * Whether the rows that follow the first `size` are just what appending the segment would add: requests that look at once
 * read the same new pack.
 * @returns the number of rows then
 */
export function appendedAlready(table: CommitTable, size: number, bytes: Uint8Array): number | undefined {
  if (table.rows === size || table.missing.size > 0) return undefined;
  let next = size;
  let isSame = true;
  readSegment(bytes, {
    commit(oidAt) {
      const row = table.find(bytes, oidAt);
      if (row === next) next += 1;
      else if (row < 0 || row > next) isSame = false;
    },
    tag() {},
  });
  return isSame ? next : undefined;
}

/** True when a commit came after a child of it, so that the table is not in order. */
export function hasLateParents(table: CommitTable): boolean {
  for (const oid of table.missing.values()) if (table.find(oidToBytes(oid), 0) !== -1) return true;
  return false;
}

/** A copy of the table in which every parent that exists comes before its children. */
export function inOrder(table: CommitTable, empty: CommitTable): CommitTable {
  for (const [position, oid] of table.missing) table.parents[position] = table.find(oidToBytes(oid), 0);
  const next = table.parentStart.slice(0, table.rows);
  const done = new Uint8Array(table.rows);
  const stack: number[] = [];
  for (let row = 0; row < table.rows; row++) {
    stack.push(row);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const position = next[top]!;
      if (done[top] === 1 || position === table.parentStart[top + 1]) {
        stack.pop();
        if (done[top] === 0) copyRow(table, top, empty);
        done[top] = 1;
      } else {
        next[top] = position + 1;
        const parent = table.parents[position]!;
        if (parent !== -1 && done[parent] === 0) stack.push(parent);
      }
    }
  }
  return empty;
}

function copyRow(from: CommitTable, row: number, to: CommitTable): void {
  const at = row * OID_BYTES;
  // Tree ids lie in another array than commit ids, hence two steps.
  to.begin(from.oids, at, at, from.times[row]!);
  to.trees.set(from.trees.subarray(at, at + OID_BYTES), to.rows * OID_BYTES);
  for (let i = from.parentStart[row]!; i < from.parentStart[row + 1]!; i++) {
    const parent = from.parents[i]!;
    if (parent === -1) to.addParent(oidToBytes(from.missing.get(i)!), 0);
    else to.addParent(from.oids, parent * OID_BYTES);
  }
  to.finish();
}
