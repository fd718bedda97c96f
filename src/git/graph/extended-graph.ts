/**
 * A commit graph and the commits of one more pack that nobody may see yet. The graph is only looked at: it costs as much
 * as the pack, where a graph of both would be a copy of all rows.
 */
import type { Oid } from '../oid.js';
import { CommitGraph } from './commit-graph.js';
import type { TagTarget } from './load.js';

export class ExtendedGraph {
  readonly #base: CommitGraph;
  readonly #added: CommitGraph;

  /** @param segment of the pack (segment.ts), if there is one. @throws RangeError when bytes are not a segment */
  constructor(base: CommitGraph, segment?: Uint8Array) {
    this.#base = base;
    this.#added = CommitGraph.fromSegments(segment === undefined ? [] : [segment]);
  }

  has(oid: Oid): boolean {
    return this.#added.has(oid) || this.#base.has(oid);
  }

  /** Id of the root tree of a commit; undefined for an id that is none. */
  tree(oid: Oid): Oid | undefined {
    for (const graph of [this.#added, this.#base]) {
      const index = graph.indexOf(oid);
      if (index >= 0) return graph.tree(index);
    }
    return undefined;
  }

  /** What an annotated tag points at. */
  tag(oid: Oid): TagTarget | undefined {
    return this.#added.tag(oid) ?? this.#base.tag(oid);
  }

  /** Follows annotated tags to what they mean; the id itself when it is no tag. */
  peel(oid: Oid): Oid {
    let at = oid;
    // A tag of the pack may name a tag of the graph or, in a pack that will be refused, the other way round.
    for (let next = this.#step(at); next !== at; next = this.#step(at)) at = next;
    return at;
  }

  /**
   * True when `ancestor` is `descendant` or can be reached from it. A missing parent reaches nothing; ids that are no
   * commits neither reach nor are reached.
   */
  isAncestor(ancestor: Oid, descendant: Oid): boolean {
    const [above, below] = [this.#added.indexOf(ancestor), this.#added.indexOf(descendant)];
    const target = this.#base.indexOf(ancestor);
    if (below < 0) {
      const start = this.#base.indexOf(descendant);
      return target >= 0 && start >= 0 && this.#base.isAncestor(target, start);
    }
    if (above >= 0 && this.#added.allReach([below], [above])) return true;
    if (target < 0) return false;
    const starts = this.#added.openParents(below).map((oid) => this.#base.indexOf(oid));
    return this.#base.isAncestorOfAny(
      target,
      starts.filter((start) => start >= 0),
    );
  }

  #step(oid: Oid): Oid {
    return this.#base.peel(this.#added.peel(oid).oid).oid;
  }
}
