/**
 * Objects that came with small packs a moment ago, as content and as compressed. What is pushed next mostly changes
 * what was pushed last, and git then sends deltas on it.
 */
import { LRUCache } from 'lru-cache';
import type { GitObject } from '../objects/type.js';
import type { Oid } from '../oid.js';

/** Bytes of one thread's objects. */
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_OBJECT_BYTES = 1024 * 1024;

/** An object whose id was computed from this content by this process. */
export interface RecentObject extends GitObject {
  /** Zlib stream of the content, as in a pack entry. */
  stream: Uint8Array;
}

/** Whether a repository has such an object must be asked elsewhere: these are the objects of all of them. */
export class RecentObjects {
  readonly #objects = new LRUCache<Oid, RecentObject>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ data, stream }) => data.length + stream.length,
  });

  find(oid: Oid): RecentObject | undefined {
    return this.#objects.get(oid);
  }

  /** Keeps copies of trees and files that are not too large; nothing else is the base of a delta. */
  add(oid: Oid, { type, data, stream }: RecentObject): void {
    if ((type !== 'tree' && type !== 'blob') || data.length > MAX_OBJECT_BYTES) return;
    this.#objects.set(oid, { type, data: new Uint8Array(data), stream: new Uint8Array(stream) });
  }
}
