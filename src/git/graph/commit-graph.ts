/**
 * The commits and annotated tags of a repository in typed arrays. A commit is named by its index; parents always have
 * a smaller index than their children, so walking down the indexes visits every child before its parents.
 */
import { type ObjectType, typeFromNumber } from '../objects/type.js';
import { OID_BYTES, type Oid, oidAt, oidToBytes } from '../oid.js';
import { dateOrder } from './date-order.js';
import { appendedAlready, appendSegment, appendTags, hasLateParents, inOrder, type TagTarget } from './load.js';
import { measureSegment } from './segment.js';
import { borderAtDepth, borderOf, type ShallowBorder } from './shallow.js';
import { CommitTable, MISSING } from './table.js';
import { isAncestor, mergeBases, openParents, reachable, reachesAny, type WalkLimits } from './walk.js';

/** A cycle of tags cannot exist, as ids are hashes; this bounds the walk over a chain somebody pushed. */
const MAX_TAG_DEPTH = 1000;

export class CommitGraph {
  readonly #table: CommitTable;
  readonly #tags: ReadonlyMap<Oid, TagTarget>;
  /** Number of commits; indexes are 0 to size - 1. */
  readonly size: number;

  private constructor(table: CommitTable, tags: ReadonlyMap<Oid, TagTarget>, size = table.rows) {
    this.#table = table;
    this.#tags = tags;
    this.size = size;
  }

  /** A graph of all segments (segment.ts), in any order. @throws RangeError when bytes are not a segment */
  static fromSegments(segments: readonly Uint8Array[]): CommitGraph {
    let rows = 0;
    let parents = 0;
    for (const bytes of segments) {
      const counts = measureSegment(bytes);
      rows += counts.commits;
      parents += counts.parents;
    }
    const table = new CommitTable(rows, parents);
    const tags = new Map<Oid, TagTarget>();
    for (const bytes of segments) appendSegment(table, tags, bytes);
    return new CommitGraph(ordered(table), tags);
  }

  /**
   * This graph and one more segment. Costs about the segment: the rows are shared with this graph, which stays as it
   * is. Indexes stay the same unless the segment brings commits that were missing parents.
   */
  withSegment(bytes: Uint8Array): CommitGraph {
    const counts = measureSegment(bytes);
    const tags = counts.tags === 0 ? this.#tags : new Map(this.#tags);
    const same = appendedAlready(this.#table, this.size, bytes);
    if (same !== undefined) {
      appendTags(tags as Map<Oid, TagTarget>, bytes);
      return new CommitGraph(this.#table, tags, same);
    }
    // Somebody else appended other commits to the shared rows: take a copy of ours.
    const shared = this.#table.rows === this.size;
    const table = shared ? this.#table : this.#table.copy(this.size, counts.commits, counts.parents);
    table.reserve(counts.commits, counts.parents);
    appendSegment(table, tags as Map<Oid, TagTarget>, bytes);
    return new CommitGraph(ordered(table), tags);
  }

  /** Index of a commit, or -1. Takes the text or the 20 bytes of its id. */
  indexOf(oid: Oid | Uint8Array): number {
    const row = this.#table.find(typeof oid === 'string' ? oidToBytes(oid) : oid, 0);
    return row < this.size ? row : -1;
  }

  has(oid: Oid): boolean {
    return this.indexOf(oid) !== -1;
  }

  oid(index: number): Oid {
    return oidAt(this.#table.oids, this.#check(index) * OID_BYTES);
  }

  /** Id of the root tree. */
  tree(index: number): Oid {
    return oidAt(this.#table.trees, this.#check(index) * OID_BYTES);
  }

  /** Committer time, seconds since 1970. */
  time(index: number): number {
    return this.#table.times[this.#check(index)]!;
  }

  /** Length of the longest way to a root, the root being 1. */
  generation(index: number): number {
    return this.#table.generations[this.#check(index)]!;
  }

  /** Indexes of the parents in order; -1 for one that the graph lacks. */
  parents(index: number): number[] {
    this.#check(index);
    const { parentStart, parents } = this.#table;
    return Array.from(parents.subarray(parentStart[index], parentStart[index + 1]));
  }

  /** Ids of commits or of their root trees, 20 bytes each. */
  pack(indexes: Int32Array | readonly number[], what: 'oids' | 'trees'): Buffer {
    const source = this.#table[what];
    const out = Buffer.allocUnsafe(indexes.length * OID_BYTES);
    for (let i = 0; i < indexes.length; i++) {
      const at = this.#check(indexes[i]!) * OID_BYTES;
      out.set(source.subarray(at, at + OID_BYTES), i * OID_BYTES);
    }
    return out;
  }

  /**
   * Root trees of the parents of commits, one commit after the other, and how many each has.
   * @param cut commits whose parents count as absent
   */
  parentTrees(
    commits: Int32Array | readonly number[],
    cut?: ReadonlySet<number>,
  ): { trees: Buffer; counts: Uint16Array } {
    const { parentStart, parents } = this.#table;
    const counts = new Uint16Array(commits.length);
    const found: number[] = [];
    for (let at = 0; at < commits.length; at++) {
      const commit = this.#check(commits[at]!);
      if (cut?.has(commit)) continue;
      for (let i = parentStart[commit]!; i < parentStart[commit + 1]!; i++) {
        if (parents[i] === MISSING) continue;
        found.push(parents[i]!);
        counts[at]! += 1;
      }
    }
    return { trees: this.pack(found, 'trees'), counts };
  }

  /** What an annotated tag points at; `targetType` is a pack type number. */
  tag(oid: Oid): TagTarget | undefined {
    return this.#tags.get(oid);
  }

  /** Follows annotated tags to what they mean. The type is undefined for an id this graph does not know. */
  peel(oid: Oid): { oid: Oid; type?: ObjectType } {
    let type: ObjectType | undefined;
    let at = oid;
    for (let depth = 0; depth < MAX_TAG_DEPTH; depth++) {
      const tag = this.#tags.get(at);
      if (tag === undefined) break;
      at = tag.target;
      type = typeFromNumber(tag.targetType);
    }
    type ??= this.has(at) ? 'commit' : undefined;
    return type === undefined ? { oid: at } : { oid: at, type };
  }

  /**
   * Commits reachable from `include` and not from `exclude`, parents first.
   * @throws GraphError when the way leads to a parent that the graph lacks
   */
  reachable(include: readonly number[], exclude: readonly number[], limits: WalkLimits = {}): Int32Array {
    this.#checkAll(include, exclude);
    return reachable(this.#table, include, exclude, limits);
  }

  /**
   * Commits reachable from `start` as `git log --date-order` lists them: newest first, no parent before all its children.
   * @param skip how many to leave out first
   */
  newestFirst(start: number, skip: number, limit: number): number[] {
    return dateOrder(this.#table, this.#check(start), skip, limit);
  }

  /**
   * The border of a clone that goes `depth` commits down from `heads`; a head itself has depth 1.
   * @throws GraphError when the way leads to a parent that the graph lacks
   */
  borderAtDepth(heads: readonly number[], depth: number): ShallowBorder {
    this.#checkAll(heads);
    return borderAtDepth(this.#table, this.size, heads, depth);
  }

  /** The border of a clone that holds just `commits`: those with a parent that is not among them. */
  borderOf(commits: Int32Array): ShallowBorder {
    for (const commit of commits) this.#check(commit);
    return borderOf(this.#table, this.size, commits);
  }

  /**
   * Parents of `commits` that are not among them: what the receiver of those commits has already.
   * @param cut commits whose parents count as absent
   */
  boundary(commits: Int32Array, cut?: ReadonlySet<number>): Int32Array {
    const seen = new Uint8Array(this.size);
    for (const commit of commits) seen[this.#check(commit)] = 1;
    const outside: number[] = [];
    const { parentStart, parents } = this.#table;
    for (const commit of commits) {
      if (cut?.has(commit)) continue;
      for (let i = parentStart[commit]!; i < parentStart[commit + 1]!; i++) {
        const parent = parents[i]!;
        if (parent === MISSING || seen[parent] === 1) continue;
        seen[parent] = 1;
        outside.push(parent);
      }
    }
    return Int32Array.from(outside).sort();
  }

  /** True when `ancestor` is `descendant` or can be reached from it. */
  isAncestor(ancestor: number, descendant: number): boolean {
    return this.isAncestorOfAny(ancestor, [descendant]);
  }

  /** True when `ancestor` is one of `descendants` or can be reached from one. */
  isAncestorOfAny(ancestor: number, descendants: readonly number[]): boolean {
    this.#checkAll([ancestor], descendants);
    return isAncestor(this.#table, ancestor, descendants);
  }

  /** Ids of the parents that the graph lacks of the commits reachable from `start`. */
  openParents(start: number): Oid[] {
    const { missing } = this.#table;
    return openParents(this.#table, this.#check(start)).map((position) => missing.get(position)!);
  }

  /** Best common ancestors, as `git merge-base --all`; newest index first. */
  mergeBases(a: number, b: number): number[] {
    this.#checkAll([a, b]);
    return mergeBases(this.#table, a, b);
  }

  /** True when each of `from` is or reaches one of `targets`. */
  allReach(from: readonly number[], targets: readonly number[]): boolean {
    this.#checkAll(from, targets);
    return reachesAny(this.#table, from, targets);
  }

  #check(index: number): number {
    if (!(index >= 0 && index < this.size)) throw new RangeError('no commit has this index');
    return index;
  }

  #checkAll(...lists: (readonly number[])[]): void {
    for (const list of lists) for (const index of list) this.#check(index);
  }
}

function ordered(table: CommitTable): CommitTable {
  if (table.missing.size === 0 || !hasLateParents(table)) return table;
  // Old graphs may share the table and must not see resolved parents, so the work is done on a copy.
  const copy = table.copy(table.rows, 0, 0);
  return inOrder(copy, new CommitTable(table.rows, table.parentStart[table.rows]!));
}
