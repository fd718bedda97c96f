/** Writes version 2 pack indexes (gitformat-pack, "Version 2 pack-*.idx"). */
import { createHash } from 'node:crypto';
import { OID_BYTES } from '../oid.js';

const HEADER = 8;
const FANOUT = 256 * 4;
const HASH = 20;

/** Rows by object, in any order. */
export interface IdxRows {
  count: number;
  /** 20 bytes each. */
  oids: Buffer;
  crcs: ArrayLike<number>;
  offsets: ArrayLike<number>;
}

/**
 * Positions of the ids in ascending order.
 *
 * Sorting numbers natively is many times faster than comparing ids, so the leading bits of the id and the position are
 * packed into one double; ids that agree in those bits are put in order afterwards.
 */
export function idOrder(oids: Buffer, count: number): Uint32Array {
  const positionBits = Math.max(1, Math.ceil(Math.log2(count + 1)));
  const scale = 2 ** positionBits;
  const drop = Math.max(0, 32 - (53 - positionBits));
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = (oids.readUInt32BE(i * OID_BYTES) >>> drop) * scale + i;
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const position = keys[i]! % scale;
    let at = i;
    for (; at > 0 && compare(oids, order[at - 1]!, position) > 0; at--) order[at] = order[at - 1]!;
    order[at] = position;
  }
  return order;
}

/**
 * The bytes of an index.
 * @param order as {@link idOrder} gives it
 * @param packHash the pack's trailer, 20 bytes
 */
export function encodeIdx(rows: IdxRows, order: Uint32Array, packHash: Uint8Array): Buffer {
  const { count, oids } = rows;
  let large = 0;
  for (let i = 0; i < count; i++) if (rows.offsets[i]! > 0x7fffffff) large++;
  const crcsAt = HEADER + FANOUT + count * OID_BYTES;
  const offsetsAt = crcsAt + count * 4;
  let largeAt = offsetsAt + count * 4;
  const out = Buffer.alloc(largeAt + large * 8 + 2 * HASH);
  out.writeUInt32BE(0xff744f63, 0);
  out.writeUInt32BE(2, 4);
  const counts = new Uint32Array(256);
  large = 0;
  for (let i = 0; i < count; i++) {
    const row = order[i]!;
    counts[oids[row * OID_BYTES]!]!++;
    oids.copy(out, HEADER + FANOUT + i * OID_BYTES, row * OID_BYTES, (row + 1) * OID_BYTES);
    out.writeUInt32BE(rows.crcs[row]!, crcsAt + i * 4);
    const offset = rows.offsets[row]!;
    if (offset <= 0x7fffffff) out.writeUInt32BE(offset, offsetsAt + i * 4);
    else {
      out.writeUInt32BE(0x80000000 + large++, offsetsAt + i * 4);
      largeAt = out.writeBigUInt64BE(BigInt(offset), largeAt);
    }
  }
  let sum = 0;
  counts.forEach((number, first) => {
    sum += number;
    out.writeUInt32BE(sum, HEADER + first * 4);
  });
  out.set(packHash, largeAt);
  createHash('sha1')
    .update(out.subarray(0, largeAt + HASH))
    .digest()
    .copy(out, largeAt + HASH);
  return out;
}

function compare(oids: Buffer, a: number, b: number): number {
  for (let i = 0; i < OID_BYTES; i++) {
    const difference = oids[a * OID_BYTES + i]! - oids[b * OID_BYTES + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
