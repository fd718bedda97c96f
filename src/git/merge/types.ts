/** What goes into a merge and what comes out. All of it can be cloned to and from a worker. */
import type { ObjectType } from '../objects/type.js';
import type { Oid } from '../oid.js';

/** A tree that exists, or one that a merge of others makes: the virtual base of a criss-cross history. */
export type MergePlan =
  | { kind: 'tree'; oid: Oid }
  | { kind: 'merged'; base: MergePlan; ours: MergePlan; theirs: MergePlan };

/** One three-way merge. */
export interface MergeInput {
  base: MergePlan;
  ours: MergePlan;
  theirs: MergePlan;
}

/** Names of the sides in conflict markers and in the names of files moved out of the way. */
export interface MergeLabels {
  ours: string;
  theirs: string;
}

export interface NewObject {
  oid: Oid;
  type: ObjectType;
  content: Uint8Array;
}

export interface MergeResult {
  /** Root tree. With conflicts it holds conflict markers, as git would leave them in the work tree. */
  tree: Oid;
  /** Conflicted paths in byte order, as `git merge-tree --name-only`; empty means the merge is clean. */
  conflicts: string[];
  /** Blobs and trees that the source did not give, those of virtual bases included. */
  objects: NewObject[];
}
