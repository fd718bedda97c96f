/**
 * Our sidecar of a stored pack: type and inflated size of each object, in index order. An index names objects but not
 * what they are, and finding out costs a walk down the delta chain; this answers from memory.
 *
 * Layout, integers big-endian: "GCM1", count (4 bytes), types (1 byte each), sizes (4 bytes each; 0xffffffff = larger).
 */
import { type ObjectType, typeFromNumber } from '../objects/type.js';

const MAGIC = 'GCM1';
const HEADER = 8;
const MAX_SIZE = 0xffffffff;

/** Bytes of the sidecar. `types` are pack type numbers, `sizes` inflated bytes, both in index order. */
export function encodeMeta(types: Uint8Array, sizes: ArrayLike<number>): Buffer {
  const out = Buffer.alloc(HEADER + types.length * 5);
  out.write(MAGIC, 0, 'latin1');
  out.writeUInt32BE(types.length, 4);
  out.set(types, HEADER);
  for (let i = 0; i < types.length; i++)
    out.writeUInt32BE(Math.min(sizes[i]!, MAX_SIZE), HEADER + types.length + i * 4);
  return out;
}

export class MetaReader {
  readonly count: number;
  readonly #view: DataView;

  /** @throws RangeError when the bytes are not a sidecar of consistent size */
  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const magic = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
    if (bytes.length < HEADER || magic !== MAGIC) throw new RangeError('not a pack sidecar');
    this.count = this.#view.getUint32(4);
    if (bytes.length !== HEADER + this.count * 5) throw new RangeError('the pack sidecar is truncated');
  }

  type(position: number): ObjectType {
    const type = typeFromNumber(this.bytes[HEADER + position]!);
    if (type === undefined) throw new RangeError('the pack sidecar holds an unknown object type');
    return type;
  }

  /** Inflated size in bytes; undefined when it does not fit in 32 bits. */
  size(position: number): number | undefined {
    const size = this.#view.getUint32(HEADER + this.count + position * 4);
    return size === MAX_SIZE ? undefined : size;
  }
}
