/** The chain of bases above the delta being resolved, with bounded memory. */
import { writeSync } from 'node:fs';
import { type Content, memoryContent, type Scratch } from './index-content.js';
import { readFully } from './index-window.js';
import { BASE_CACHE_BYTES } from './limits.js';

export interface Frame {
  entry: number;
  depth: number;
  /** Undefined while it lies in the spill file only. */
  content: Content | undefined;
  /** Next delta to apply by offset and by id; -1 = none. */
  nextByOffset: number;
  nextByOid: number;
  size: number;
  /** Where the content was spilled to, or -1. */
  spilledAt: number;
}

/**
 * Bases that wait for their turn move to a file, lowest first, instead of being computed again: however a chain
 * branches, the work stays in proportion to what the pack inflates to.
 */
export class BaseStack {
  readonly #scratch: Scratch;
  readonly #frames: Frame[] = [];
  #fd = -1;
  #spillEnd = 0;
  #memory = 0;
  /** Frames below this one are not in memory. */
  #lowest = 0;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  get top(): Frame | undefined {
    return this.#frames[this.#frames.length - 1];
  }

  push(frame: Omit<Frame, 'size' | 'spilledAt'> & { content: Content }): void {
    const { entry, depth, content, nextByOffset, nextByOid } = frame;
    this.#frames.push({ entry, depth, content, nextByOffset, nextByOid, size: content.size, spilledAt: -1 });
    if (frame.content.bytes === undefined) return;
    this.#memory += frame.content.size;
    while (this.#memory > BASE_CACHE_BYTES && this.#lowest < this.#frames.length - 1) {
      this.#spill(this.#frames[this.#lowest++]!);
    }
  }

  /** The content of the top frame, read back if need be. */
  load(frame: Frame): Content {
    if (frame.content === undefined) {
      const bytes = Buffer.allocUnsafe(frame.size);
      readFully(this.#fd, bytes, frame.size, frame.spilledAt);
      frame.content = memoryContent(bytes);
      this.#memory += frame.size;
      this.#lowest = Math.min(this.#lowest, this.#frames.length - 1);
    }
    return frame.content;
  }

  /** Removes the top frame; its content, if it was loaded, stays usable until the caller releases it. */
  pop(): void {
    const frame = this.#frames.pop()!;
    if (frame.content?.bytes !== undefined) this.#memory -= frame.size;
    if (frame.spilledAt >= 0) this.#spillEnd = frame.spilledAt;
    this.#lowest = Math.min(this.#lowest, this.#frames.length);
  }

  #spill(frame: Frame): void {
    const bytes = frame.content?.bytes;
    if (bytes === undefined) return;
    if (frame.spilledAt < 0) {
      if (this.#fd < 0) this.#fd = this.#scratch.open();
      frame.spilledAt = this.#spillEnd;
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#spillEnd + at);
      }
      this.#spillEnd += bytes.length;
    }
    this.#memory -= frame.size;
    frame.content = undefined;
  }
}
