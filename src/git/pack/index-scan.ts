/** First pass over a received pack: every entry's header, zlib stream and checksum; ids of all that are no deltas. */
import { createHash } from 'node:crypto';
import { type ObjectType, typeFromNumber } from '../objects/type.js';
import { OID_BYTES } from '../oid.js';
import { DeltaError, deltaSizes } from './delta.js';
import { OFS_DELTA, REF_DELTA } from './entry.js';
import type { ObjectBatch } from './index-batch.js';
import { collision, detectorFor, refuseCollision } from './index-collision.js';
import { headerAt, inflateQuick, inflateSlow } from './index-cursor.js';
import { DELTA_HEADER_BYTES } from './index-delta.js';
import { writeObjectId } from './index-hash.js';
import type { PackState } from './index-pack.js';
import { IN_MEMORY_BYTES, invalidPack, overLimit } from './limits.js';
import { objectHeader } from './loose.js';
import { MAX_BATCHED_BYTES } from './workshop.js';

/** Bytes before the first entry. */
export const PACK_HEADER = 12;
export const PACK_TRAILER = 20;

/** Smallest entry: one header byte and an empty zlib stream. */
const MIN_ENTRY = 9;

/**
 * Reads the pack header.
 * @returns the number of objects
 * @throws AppError INVALID_PACKFILE
 */
export function readPackHeader(bytes: Buffer, packBytes: number, maxObjects: number): number {
  if (packBytes < PACK_HEADER + PACK_TRAILER || bytes.length < PACK_HEADER)
    throw invalidPack('the packfile is truncated');
  if (bytes.toString('latin1', 0, 4) !== 'PACK') throw invalidPack('the packfile does not begin with PACK');
  const version = bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw invalidPack(`the packfile has the unknown version ${version}`);
  const count = bytes.readUInt32BE(8);
  if (count > maxObjects)
    throw overLimit(`the packfile has ${count} objects, which is more than`, 'maxObjects', maxObjects);
  if (count * MIN_ENTRY > packBytes) throw invalidPack('the packfile is too short for the objects it announces');
  return count;
}

/** Scans `count` entries, which must fill the window's file to its end. @throws AppError */
export async function scanEntries(state: PackState, batch: ObjectBatch, count: number): Promise<void> {
  let offset = PACK_HEADER;
  const { window, entries } = state;
  for (let i = 0; i < count; i++) {
    const entry = entries.append();
    const { header, length } = headerAt(window, offset);
    const { type, size } = header;
    entries.offsets[entry] = offset;
    entries.types[entry] = type;
    state.spend(size);
    const dataAt = offset + length;
    let scanned: number | Promise<number>;
    if (type === OFS_DELTA || type === REF_DELTA) {
      state.admit(size);
      state.spendDelta(size);
      if (type === OFS_DELTA) linkToOffset(state, entry, offset - header.baseDistance);
      else linkToOid(state, entry, header.baseOidAt);
      scanned = scanDelta(state, entry, dataAt, size);
    } else scanned = scanObject(state, batch, entry, dataAt, size);
    // Waiting for what is there already would cost more than most entries do.
    const consumed = typeof scanned === 'number' ? scanned : await scanned;
    entries.lengths[entry] = length + consumed;
    entries.crcs[entry] = window.crc(offset, length + consumed);
    offset += length + consumed;
  }
  entries.received = count;
  batch.flush();
  if (offset !== window.end) throw invalidPack('the packfile has bytes behind its last object');
}

/** @returns the length of the entry's stream */
function scanObject(
  state: PackState,
  batch: ObjectBatch,
  entry: number,
  dataAt: number,
  size: number,
): number | Promise<number> {
  const { entries } = state;
  const type = typeFromNumber(entries.types[entry]!);
  if (type === undefined) throw invalidPack(`the packfile holds an object of the unknown type ${entries.types[entry]}`);
  state.admit(size, type);
  entries.sizes[entry] = size;
  if (size > IN_MEMORY_BYTES) return scanLarge(state, type, entry, dataAt, size);
  const quick = inflateQuick(state.window, dataAt, size);
  if (quick === undefined) return scanSlow(state, batch, type, entry, dataAt, size);
  take(state, batch, type, entry, quick.data);
  return quick.consumed;
}

async function scanSlow(
  state: PackState,
  batch: ObjectBatch,
  type: ObjectType,
  entry: number,
  dataAt: number,
  size: number,
): Promise<number> {
  const { data, consumed } = await inflateSlow(state.window, dataAt, size);
  take(state, batch, type, entry, data!);
  return consumed;
}

function take(state: PackState, batch: ObjectBatch, type: ObjectType, entry: number, data: Buffer): void {
  if (data.length <= MAX_BATCHED_BYTES) {
    batch.add(entry, data);
    return;
  }
  const { oids } = state.entries;
  writeObjectId(type, data, oids, entry * OID_BYTES);
  refuseCollision(state, entry, data);
  state.identify(entry);
  state.facts.learn(type, oids, entry * OID_BYTES, data);
}

async function scanLarge(
  state: PackState,
  type: ObjectType,
  entry: number,
  dataAt: number,
  size: number,
): Promise<number> {
  const hash = createHash('sha1').update(objectHeader(type, size), 'latin1');
  const detector = state.collisionCheck ? detectorFor(state, entry, size) : undefined;
  const { consumed } = await inflateSlow(state.window, dataAt, size, (piece) => {
    hash.update(piece);
    detector?.update(piece);
  });
  hash.digest().copy(state.entries.oids, entry * OID_BYTES);
  if (detector?.finish()) throw collision(state, entry);
  state.identify(entry);
  state.facts.skipLarge();
  return consumed;
}

/** Passes over the data of a delta; `deltas` keeps what there is room for. @returns the length of the entry's stream */
function scanDelta(state: PackState, entry: number, dataAt: number, size: number): number | Promise<number> {
  const quick = inflateQuick(state.window, dataAt, size);
  if (quick === undefined) return scanSlowDelta(state, entry, dataAt, size);
  announce(state, entry, quick.data);
  state.deltas.keep(entry, quick.data);
  return quick.consumed;
}

async function scanSlowDelta(state: PackState, entry: number, dataAt: number, size: number): Promise<number> {
  let head = Buffer.alloc(0);
  const keepHead = (piece: Buffer) => {
    if (head.length < DELTA_HEADER_BYTES) head = Buffer.concat([head, piece.subarray(0, DELTA_HEADER_BYTES)]);
  };
  const inflated = await inflateSlow(state.window, dataAt, size, size > IN_MEMORY_BYTES ? keepHead : undefined);
  announce(state, entry, inflated.data ?? head);
  if (inflated.data !== undefined) state.deltas.keep(entry, inflated.data);
  return inflated.consumed;
}

/** Notes what the delta says that it makes. @param delta at least the two sizes that head it */
function announce(state: PackState, entry: number, delta: Buffer): void {
  try {
    const { resultSize } = deltaSizes(delta);
    state.admit(resultSize);
    state.spend(resultSize);
    state.entries.sizes[entry] = resultSize;
  } catch (error) {
    if (error instanceof DeltaError) throw invalidPack(error.message, { cause: error });
    throw error;
  }
}

function linkToOffset(state: PackState, entry: number, baseOffset: number): void {
  const { entries } = state;
  const base = entries.at(baseOffset);
  if (base < 0 || base === entry) throw invalidPack('a delta has a base offset at which no object begins');
  entries.nextSibling[entry] = entries.firstChild[base]!;
  entries.firstChild[base] = entry;
}

function linkToOid(state: PackState, entry: number, oidAt: number): void {
  const { refBases, refHeads, entries } = state;
  const base = refBases.add(state.window.bytes, oidAt, REF_DELTA);
  entries.nextSibling[entry] = refHeads[base] ?? -1;
  refHeads[base] = entry;
  state.refDeltas.push(entry);
  state.refDeltaBases.push(base);
}
