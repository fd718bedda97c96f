/** What all steps of one merge share. */
import type { GitObject, ObjectSource, ObjectType, WorkMeter } from '../objects/index.js';
import { objectId } from '../objects/index.js';
import type { Oid } from '../oid.js';
import type { Paths } from './paths.js';
import type { NewObject } from './types.js';

/** A source that also has what was written over it. */
export class WritableObjects implements ObjectSource {
  readonly written = new Map<Oid, NewObject>();
  writtenBytes = 0;
  /** Trees of virtual bases by what they were made of: criss-cross histories need the same ones again and again. */
  readonly virtual = new Map<string, Oid>();
  readonly #source: ObjectSource;

  constructor(source: ObjectSource) {
    this.#source = source;
  }

  read(oid: Oid): GitObject | undefined {
    const made = this.written.get(oid);
    return made === undefined ? this.#source.read(oid) : { type: made.type, data: made.content };
  }

  size(oid: Oid): number | undefined {
    return this.written.get(oid)?.content.length ?? this.#source.size(oid);
  }

  /** Keeps an object, unless the source has it already. */
  write(type: ObjectType, content: Uint8Array): Oid {
    const oid = objectId(type, content);
    if (this.size(oid) === undefined) {
      this.written.set(oid, { oid, type, content });
      this.writtenBytes += content.length;
    }
    return oid;
  }
}

export interface MergeContext {
  objects: WritableObjects;
  meter: WorkMeter;
  /** Names of the sides, latin1. */
  labels: { ours: string; theirs: string };
  /** 0 for the merge that was asked for, more for those of merge bases. */
  depth: number;
  paths: Paths;
  /** Paths left in conflict. */
  conflicted: Set<string>;
  /** Paths and folders whose place is unclear though nothing there conflicts. */
  unclear: Set<string>;
}
