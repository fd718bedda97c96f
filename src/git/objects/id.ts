/** Object ids and the header that is hashed in front of the content (gitformat-loose). */
import { createHash } from 'node:crypto';
import type { Oid } from '../oid.js';
import type { ObjectType } from './type.js';

/** `"<type> <size>\0"`; `size` is the content's bytes. */
export function objectHeader(type: ObjectType, size: number): Buffer {
  return Buffer.from(`${type} ${size}\0`, 'latin1');
}

/** The id of an object: SHA-1 over header and content. */
export function objectId(type: ObjectType, data: Uint8Array): Oid {
  return createHash('sha1').update(objectHeader(type, data.length)).update(data).digest('hex');
}
