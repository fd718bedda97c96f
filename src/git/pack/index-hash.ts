/** Object ids of objects in memory, written as 20 bytes. */
import { createHash, hash } from 'node:crypto';
import type { ObjectType } from '../objects/type.js';
import { objectHeader } from './loose.js';

/** Below this, one call over a copy that has the header in front is faster than a hash object. */
const COPY_BYTES = 32 * 1024;
const scratch = Buffer.allocUnsafeSlow(COPY_BYTES + 64);

/** Writes the id of an object to `out` at `at`. */
export function writeObjectId(type: ObjectType, data: Uint8Array, out: Buffer, at: number): void {
  const header = objectHeader(type, data.length);
  if (data.length > COPY_BYTES) {
    createHash('sha1').update(header, 'latin1').update(data).digest().copy(out, at);
    return;
  }
  const start = scratch.write(header, 0, 'latin1');
  scratch.set(data, start);
  out.write(hash('sha1', scratch.subarray(0, start + data.length), 'latin1' as 'hex'), at, 'latin1');
}
