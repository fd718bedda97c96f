/** Completes a thin pack the way git index-pack --fix-thin does: missing bases become whole objects at its end. */
import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { AppError } from '../../errors.js';
import { asBuffer } from '../bytes.js';
import { type GitObject, OBJECT_TYPES, type ObjectType } from '../objects/type.js';
import { OID_BYTES, type Oid, oidAt } from '../oid.js';
import { REF_DELTA, writeTypeAndSize } from './entry.js';
import type { ObjectBatch } from './index-batch.js';
import { memoryContent } from './index-content.js';
import { writeObjectId } from './index-hash.js';
import type { PackState } from './index-pack.js';
import type { Resolver } from './index-resolve.js';
import { hashFile } from './index-window.js';
import { invalidPack, MAX_MISSING_BASES } from './limits.js';
import { deflateContent } from './loose.js';
import type { RecentObject } from './recent-objects.js';
import { MAX_BATCHED_BYTES } from './workshop.js';

/** Reads an object that the repository has already; undefined when it does not have it. */
export type ReadBase = (oid: Oid) => Promise<GitObject | RecentObject | undefined>;

/**
 * Resolves the deltas whose bases are not in the pack and appends those bases behind the last entry.
 * @returns where the entries end now
 * @throws AppError INVALID_PACKFILE that names the first base nobody has
 */
export async function resolveThin(
  state: PackState,
  batch: ObjectBatch,
  resolver: Resolver,
  readBase: ReadBase,
): Promise<number> {
  const { entries, refDeltas, refDeltaBases, refBases } = state;
  const missing = new Set<number>();
  let end = state.window.end;
  for (let i = 0; i < refDeltas.length && missing.size <= MAX_MISSING_BASES; i++) {
    const base = refDeltaBases[i]!;
    // One base may resolve many deltas, also such as name their base by an id that appears only then.
    if (entries.types[refDeltas[i]!] !== REF_DELTA || missing.has(base)) continue;
    const object = await readBase(oidAt(refBases.oids, base * OID_BYTES));
    if (object === undefined) missing.add(base);
    else {
      const oid = refBases.oids.subarray(base * OID_BYTES, (base + 1) * OID_BYTES);
      const { data } = object;
      const entry = append(state, object, oid, end);
      end += entries.lengths[entry]!;
      if (object.type === 'tree' && data.length <= MAX_BATCHED_BYTES) batch.passStored(data);
      await resolver.resolveFrom(entry, memoryContent(asBuffer(data)));
    }
  }
  const open = refDeltas.findIndex((entry) => entries.types[entry] === REF_DELTA);
  if (open >= 0) {
    const base = oidAt(refBases.oids, refDeltaBases[open]! * OID_BYTES);
    throw invalidPack(`the delta base ${base} is neither in the packfile nor in the repository`, { details: { base } });
  }
  return end;
}

/** @returns the number of the new entry */
function append(state: PackState, object: GitObject | RecentObject, oid: Uint8Array, offset: number): number {
  const data = asBuffer(object.data);
  state.spend(data.length);
  const { entries } = state;
  const entry = entries.append();
  const type = OBJECT_TYPES[object.type];
  state.known.keys = entries.oids;
  const stream = 'stream' in object ? object.stream : deflateVerified(state, object.type, data, oid);
  entries.oids.set(oid, entry * OID_BYTES);
  state.identify(entry);
  const header = Buffer.from(writeTypeAndSize(type, data.length));
  writeFully(state.window.fd, header, offset);
  writeFully(state.window.fd, stream, offset + header.length);
  entries.offsets[entry] = offset;
  entries.lengths[entry] = header.length + stream.length;
  entries.sizes[entry] = data.length;
  entries.types[entry] = type;
  entries.crcs[entry] = crc32(stream, crc32(header));
  return entry;
}

function deflateVerified(state: PackState, type: ObjectType, data: Buffer, oid: Uint8Array): Buffer {
  const found = Buffer.alloc(OID_BYTES);
  writeObjectId(type, data, found, 0);
  if (!found.equals(oid)) throw new AppError('OBJECT_CORRUPTED', { details: { oid: oidAt(oid, 0) } });
  const stream = deflateContent(data);
  state.facts.noteStored(oidAt(oid, 0), { type, data, stream });
  return stream;
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
