/** Second pass over a received pack: deltas, depth first from every base, without recursion. */
import { OBJECT_TYPES, typeFromNumber } from '../objects/type.js';
import { OID_BYTES } from '../oid.js';
import { DeltaError } from './delta.js';
import { OFS_DELTA } from './entry.js';
import type { ObjectBatch } from './index-batch.js';
import { refuseCollision, refuseCollisionIn } from './index-collision.js';
import { type Content, ContentFile, memoryContent, pooledContent } from './index-content.js';
import { headerAt, loadContent, loadQuick } from './index-cursor.js';
import { applyContent } from './index-delta.js';
import { writeObjectId } from './index-hash.js';
import type { PackState } from './index-pack.js';
import { BaseStack } from './index-stack.js';
import { invalidPack, overLimit } from './limits.js';
import { MAX_BATCHED_BYTES } from './workshop.js';

export class Resolver {
  readonly #state: PackState;
  readonly #batch: ObjectBatch;
  readonly #stack: BaseStack;
  /** Deltas resolved so far. */
  resolved = 0;

  constructor(state: PackState, batch: ObjectBatch) {
    this.#state = state;
    this.#batch = batch;
    this.#stack = new BaseStack(state.scratch);
  }

  /** Resolves everything that descends from the whole objects of the pack. @throws AppError */
  async resolveReceived(): Promise<void> {
    // Trees first: they tell which blobs must be looked into.
    await this.#resolveWhole((type) => type !== OBJECT_TYPES.blob);
    await this.#resolveWhole((type) => type === OBJECT_TYPES.blob);
    this.#batch.flush();
  }

  async #resolveWhole(wanted: (type: number) => boolean): Promise<void> {
    const { entries } = this.#state;
    for (let entry = 0; entry < entries.received; entry++) {
      const type = entries.types[entry]!;
      if (type >= OFS_DELTA || !wanted(type) || !this.#hasDeltas(entry)) continue;
      await this.resolveFrom(entry, await this.#load(entry));
    }
  }

  /** Resolves everything that descends from `entry`, and releases `content`. @throws AppError */
  async resolveFrom(entry: number, content: Content): Promise<void> {
    const { entries } = this.#state;
    const stack = this.#stack;
    this.#push(entry, content, 0);
    for (let frame = stack.top; frame !== undefined; frame = stack.top) {
      const base = stack.load(frame);
      const child = frame.nextByOffset >= 0 ? frame.nextByOffset : frame.nextByOid;
      if (frame.nextByOffset >= 0) frame.nextByOffset = entries.nextSibling[child]!;
      else frame.nextByOid = entries.nextSibling[child]!;
      // A base leaves with its last delta, so a plain chain of any length keeps two contents.
      const last = frame.nextByOffset < 0 && frame.nextByOid < 0;
      if (last) stack.pop();
      const depth = frame.depth + 1;
      const delta = this.#delta(frame.entry, child, depth);
      // Waiting for what is there already would cost more than most deltas do.
      const result = this.#apply(base, frame.entry, child, delta instanceof Promise ? await delta : delta);
      if (last) base.release();
      if (this.#hasDeltas(child)) this.#push(child, result, depth);
      else result.release();
    }
  }

  /** Takes the deltas on `entry` off the tables, so that nobody begins them twice. */
  #push(entry: number, content: Content, depth: number): void {
    const { entries, refBases, refHeads } = this.#state;
    const nextByOffset = entries.firstChild[entry]!;
    entries.firstChild[entry] = -1;
    const base = refBases.count === 0 ? -1 : refBases.find(entries.oids, entry * OID_BYTES);
    const nextByOid = base < 0 ? -1 : refHeads[base]!;
    if (base >= 0) refHeads[base] = -1;
    this.#stack.push({ entry, content, depth, nextByOffset, nextByOid });
  }

  #hasDeltas(entry: number): boolean {
    const { entries, refBases, refHeads } = this.#state;
    if (entries.firstChild[entry]! >= 0) return true;
    if (refBases.count === 0) return false;
    const base = refBases.find(entries.oids, entry * OID_BYTES);
    return base >= 0 && refHeads[base]! >= 0;
  }

  /** The delta data of `child`. */
  #delta(baseEntry: number, child: number, depth: number): Content | Promise<Content> {
    const state = this.#state;
    const { entries, limits } = state;
    if (depth > limits.maxDeltaDepth) {
      throw overLimit('a delta chain is longer than', 'maxDeltaDepth', limits.maxDeltaDepth);
    }
    state.admit(entries.sizes[child]!, typeFromNumber(entries.types[baseEntry]!));
    const kept = state.deltas.take(child);
    return kept === undefined ? this.#load(child) : memoryContent(kept);
  }

  #apply(base: Content, baseEntry: number, child: number, delta: Content): Content {
    const { scratch, entries } = this.#state;
    const type = entries.types[baseEntry]!;
    try {
      return this.#finish(child, type, applyContent(scratch, base, delta, type, entries.sizes[child]!));
    } catch (error) {
      if (error instanceof DeltaError) throw invalidPack(error.message, { cause: error });
      throw error;
    } finally {
      delta.release();
    }
  }

  #finish(entry: number, typeNumber: number, result: Buffer | ContentFile): Content {
    const state = this.#state;
    const { entries, facts } = state;
    const at = entry * OID_BYTES;
    const type = typeFromNumber(typeNumber)!;
    entries.types[entry] = typeNumber;
    this.resolved++;
    if (result instanceof ContentFile) {
      const { oid, content } = result.finish();
      oid.copy(entries.oids, at);
      refuseCollisionIn(state, entry, content);
      state.identify(entry);
      facts.skipLarge();
      return content;
    }
    if (result.length <= MAX_BATCHED_BYTES) {
      this.#batch.add(entry, result);
      // Whether it is the base of others is known by its id.
      if (state.refDeltas.length > 0) this.#batch.flush();
      return pooledContent(result, state.scratch.buffers);
    }
    writeObjectId(type, result, entries.oids, at);
    refuseCollision(state, entry, result);
    state.identify(entry);
    facts.learn(type, entries.oids, at, result);
    return memoryContent(result);
  }

  #load(entry: number): Content | Promise<Content> {
    const { window, scratch, entries } = this.#state;
    const offset = entries.offsets[entry]!;
    const { header, length } = headerAt(window, offset);
    const dataAt = offset + length;
    return loadQuick(window, scratch, dataAt, header.size) ?? loadContent(window, scratch, dataAt, header.size);
  }
}
