/** Completes a thin pack the way git index-pack --fix-thin does: missing bases become whole objects at its end. */
import { writeSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { AppError } from '../../errors.js';
import { type GitObject, OBJECT_TYPES } from '../objects/type.js';
import { OID_BYTES, type Oid, oidAt } from '../oid.js';
import { REF_DELTA, writeTypeAndSize } from './entry.js';
import { memoryContent } from './index-content.js';
import { writeObjectId } from './index-hash.js';
import type { PackState } from './index-pack.js';
import type { Resolver } from './index-resolve.js';
import { hashFile } from './index-window.js';
import { invalidPack, MAX_MISSING_BASES } from './limits.js';

/** As git does when it completes a pack: the receiver waits, and a later repack compresses better. */
const LEVEL = 1;

/** Reads an object that the repository has already; undefined when it does not have it. */
export type ReadBase = (oid: Oid) => Promise<GitObject | undefined>;

/**
 * Resolves the deltas whose bases are not in the pack and appends those bases behind the last entry.
 * @returns where the entries end now
 * @throws AppError INVALID_PACKFILE that names the first base nobody has
 */
export async function resolveThin(state: PackState, resolver: Resolver, readBase: ReadBase): Promise<number> {
  const { entries, refDeltas, refDeltaBases, refBases } = state;
  const missing = new Set<number>();
  let end = state.window.end;
  for (let i = 0; i < refDeltas.length && missing.size <= MAX_MISSING_BASES; i++) {
    const base = refDeltaBases[i]!;
    // One base may resolve many deltas, also such as name their base by an id that appears only then.
    if (entries.types[refDeltas[i]!] !== REF_DELTA || missing.has(base)) continue;
    const object = await readBase(oidAt(refBases.oids, base * OID_BYTES));
    if (object === undefined) missing.add(base);
    else end += await append(state, resolver, object, refBases.oids.subarray(base * OID_BYTES), end);
  }
  const open = refDeltas.findIndex((entry) => entries.types[entry] === REF_DELTA);
  if (open >= 0) {
    const base = oidAt(refBases.oids, refDeltaBases[open]! * OID_BYTES);
    throw invalidPack(`the delta base ${base} is neither in the packfile nor in the repository`, { details: { base } });
  }
  return end;
}

async function append(
  state: PackState,
  resolver: Resolver,
  object: GitObject,
  oid: Uint8Array,
  offset: number,
): Promise<number> {
  const data = Buffer.from(object.data.buffer, object.data.byteOffset, object.data.byteLength);
  state.spend(data.length);
  const { entries } = state;
  const entry = entries.append();
  state.known.keys = entries.oids;
  writeObjectId(object.type, data, entries.oids, entry * OID_BYTES);
  if (entries.oids.compare(oid, 0, OID_BYTES, entry * OID_BYTES, (entry + 1) * OID_BYTES) !== 0) {
    throw new AppError('OBJECT_CORRUPTED', { details: { oid: oidAt(oid, 0) } });
  }
  state.identify(entry);
  const header = Buffer.from(writeTypeAndSize(OBJECT_TYPES[object.type], data.length));
  const body = deflateSync(data, { level: LEVEL });
  writeFully(state.window.fd, header, offset);
  writeFully(state.window.fd, body, offset + header.length);
  const length = header.length + body.length;
  entries.offsets[entry] = offset;
  entries.lengths[entry] = length;
  entries.sizes[entry] = data.length;
  entries.types[entry] = OBJECT_TYPES[object.type];
  entries.crcs[entry] = crc32(body, crc32(header));
  await resolver.resolveFrom(entry, memoryContent(data));
  return length;
}

/** Writes the new object count and trailer of a completed pack that ends at `end`. @returns the trailer */
export function rewriteEnds(fd: number, count: number, end: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(count);
  writeFully(fd, field, 8);
  const { sha1 } = hashFile(fd, end, end);
  writeFully(fd, sha1, end);
  return sha1;
}

/** Writes all of `bytes` at `position`. */
export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}
