/** Packs written entry by entry, so that tests can lie in any field (gitformat-pack). */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { OBJECT_TYPES, type ObjectType } from '../../src/git/objects/type.js';
import { type Oid, oidToBytes } from '../../src/git/oid.js';
import { OFS_DELTA, REF_DELTA, writeBaseDistance, writeTypeAndSize } from '../../src/git/pack/entry.js';

/** An entry that holds a whole object; `announced` is the size in its header. */
export function whole(type: ObjectType, data: string | Buffer, announced = data.length): Buffer {
  return Buffer.concat([Buffer.from(writeTypeAndSize(OBJECT_TYPES[type], announced)), deflateSync(data)]);
}

/** A size as delta data has it. */
export function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}

/** Delta data that makes `text`, of at most 127 bytes. */
export function insertDelta(baseSize: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([...varint(baseSize), ...varint(text.length), text.length]), Buffer.from(text)]);
}

/** Copies the first `size` bytes of the base `times` times. */
export function copyDelta(baseSize: number, size: number, times: number): Buffer {
  const copy = [0xf0, size & 255, (size >> 8) & 255, (size >> 16) & 255];
  const copies = Array.from({ length: times }, () => copy).flat();
  return Buffer.from([...varint(baseSize), ...varint(size * times), ...copies]);
}

/** Instructions that copy `size` bytes from `offset`. */
export function copies(offset: number, size: number): number[] {
  const bytes: number[] = [];
  for (let at = offset; at < offset + size; ) {
    const step = Math.min(0xffffff, offset + size - at);
    bytes.push(0xff, at & 255, (at >> 8) & 255, (at >> 16) & 255, at >>> 24, step & 255, (step >> 8) & 255, step >> 16);
    at += step;
  }
  return bytes;
}

/** A delta entry that names its base by id. */
export function refDelta(base: Oid, delta: Buffer): Buffer {
  return Buffer.concat([Buffer.from(writeTypeAndSize(REF_DELTA, delta.length)), oidToBytes(base), deflateSync(delta)]);
}

/** A delta entry that names its base by the distance back to it. */
export function ofsDelta(distance: number, delta: Buffer): Buffer {
  const header = [...writeTypeAndSize(OFS_DELTA, delta.length), ...writeBaseDistance(distance)];
  return Buffer.concat([Buffer.from(header), deflateSync(delta)]);
}

/** A pack of these entries; `count` is the number in its header. */
export function pack(entries: Buffer[], count = entries.length): Buffer {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  head.writeUInt32BE(count, 8);
  return sealed(Buffer.concat([head, ...entries]));
}

/** The bytes with their trailer. */
export function sealed(body: Buffer): Buffer {
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}
