import type { Oid } from '../oid.js';
import type { GitObject } from './type.js';

/** Synchronous access to objects, for computations that run in a worker beside the packs. */
export interface ObjectSource {
  /** The object, or undefined when there is none of this id. */
  read(oid: Oid): GitObject | undefined;
  /** Content size in bytes without reading the content; asked before anything that may be large is read. */
  size(oid: Oid): number | undefined;
}

/** Counts work, so that the caller can end a computation that costs too much. */
export interface WorkMeter {
  /** Called with the number of elementary steps (lines, entries, kilobytes) about to be done. May throw. */
  spend(steps: number): void;
}
