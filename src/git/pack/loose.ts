/** Loose objects (gitformat-loose): zlib over `"<type> <size>\0"` and the content. */
import { deflateSync } from 'node:zlib';
import type { ObjectType } from '../objects/type.js';

/** What git itself uses for loose objects: they are read once and often repacked. */
const LEVEL = 1;

/** The header that is hashed and stored before the content. */
export function objectHeader(type: ObjectType, size: number): string {
  return `${type} ${size}\0`;
}

/** The body of a loose object, in a buffer of its own. */
export function encodeLoose(type: ObjectType, data: Uint8Array): Uint8Array {
  const whole = Buffer.concat([Buffer.from(objectHeader(type, data.length), 'latin1'), data]);
  // Room for what does not compress, in one piece; otherwise each small object costs a chunk of 16 KiB.
  const chunkSize = Math.max(64, whole.length + (whole.length >> 8) + 64);
  return new Uint8Array(deflateSync(whole, { level: LEVEL, chunkSize }));
}
