/** Makes the sidecar of a pack again from pack and index, for stores filled from a backup that had only git's files. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { constants, inflateSync } from 'node:zlib';
import { AppError } from '../errors.js';
import { deltaSizes } from '../git/pack/delta.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { encodeMeta, MetaReader } from '../git/pack/meta.js';
import { PackReader, type StoredEntry } from '../git/pack/reader.js';
import { PackTable } from '../git/pack/reader-table.js';

/** Delta data begins with two sizes of at most 8 bytes each; this many compressed bytes always hold them. */
const DELTA_HEAD_BYTES = 512;

/**
 * Types and sizes of all objects, from entry headers and the heads of deltas; no content is inflated.
 * @returns bytes of the sidecar, see git/pack/meta.ts
 * @throws AppError OBJECT_CORRUPTED
 */
export function rebuildMeta(packPath: string, idxPath: string): Buffer {
  const fd = openSync(packPath, 'r');
  try {
    const idx = new IdxReader(readFileSync(idxPath));
    const nothing = new Uint8Array(idx.count);
    const table = new PackTable(idx, new MetaReader(encodeMeta(nothing, nothing)), fstatSync(fd).size);
    return readAll(new PackReader('', fd, table));
  } catch (error) {
    throw new AppError('OBJECT_CORRUPTED', { message: 'A stored pack cannot be read.', cause: error });
  } finally {
    closeSync(fd);
  }
}

function readAll(pack: PackReader): Buffer {
  const { count } = pack.table;
  const types = new Uint8Array(count);
  const bases = new Int32Array(count);
  const sizes = new Float64Array(count);
  for (let rank = 0; rank < count; rank++) {
    const entry = pack.entry(pack.table.positionOfRank(rank));
    bases[entry.position] = entry.base;
    if (entry.base < 0) types[entry.position] = entry.type;
    sizes[entry.position] = entry.base < 0 ? entry.size : resultSize(pack, entry);
  }
  for (let position = 0; position < count; position++) inheritType(position, types, bases);
  return encodeMeta(types, sizes);
}

/** Gives the type of the chain's end to everything on the way there. */
function inheritType(position: number, types: Uint8Array, bases: Int32Array): void {
  const untyped: number[] = [];
  for (let at = position; types[at] === 0; at = bases[at]!) {
    untyped.push(at);
    if (untyped.length > types.length) throw new RangeError('the delta chain is a circle');
    if (types[bases[at]!] !== 0) for (const known of untyped) types[known] = types[bases[at]!]!;
  }
}

function resultSize(pack: PackReader, entry: StoredEntry): number {
  const raw = pack.view(entry.dataAt, Math.min(DELTA_HEAD_BYTES, entry.end - entry.dataAt));
  return deltaSizes(inflateSync(raw, { finishFlush: constants.Z_SYNC_FLUSH })).resultSize;
}
