/** Loose objects (gitformat-loose): zlib over `"<type> <size>\0"` and the content. */
import { deflateSync } from 'node:zlib';
import type { ObjectType } from '../objects/type.js';
import { adlerOf, joinAdler } from './adler.js';

/** What git itself uses for loose objects: they are read once and often repacked. */
const LEVEL = 1;

/** Zlib's own two bytes in front of a stream (RFC 1950) for this level, and a checksum behind it. */
const ZLIB_HEADER = [0x78, 0x01] as const;
const CHECKSUM_BYTES = 4;

/** The header that is hashed and stored before the content. */
export function objectHeader(type: ObjectType, size: number): string {
  return `${type} ${size}\0`;
}

/** A zlib stream of the content alone, as a pack entry has it. */
export function deflateContent(data: Uint8Array): Buffer {
  // Room for what does not compress, in one piece; otherwise each small object costs a chunk of 16 KiB.
  const chunkSize = Math.max(64, data.length + (data.length >> 8) + 64);
  return deflateSync(data, { level: LEVEL, chunkSize });
}

/**
 * The body of a loose object made from the stream of its content: the header goes in front as a block that is not
 * compressed (RFC 1951, 3.2.4), and what is compressed serves for both.
 * @param size of the content, bytes
 * @param stream of {@link deflateContent}
 * @returns a buffer of its own
 */
export function looseBody(type: ObjectType, size: number, stream: Uint8Array): Uint8Array {
  const header = Buffer.from(objectHeader(type, size), 'latin1');
  const blocks = stream.subarray(ZLIB_HEADER.length, stream.length - CHECKSUM_BYTES);
  const { length } = header;
  const start = [...ZLIB_HEADER, 0, length, 0, ~length & 0xff, 0xff];
  const body = new Uint8Array(start.length + length + blocks.length + CHECKSUM_BYTES);
  body.set(start);
  body.set(header, start.length);
  body.set(blocks, start.length + length);
  const view = new DataView(body.buffer);
  const content = new DataView(stream.buffer, stream.byteOffset).getUint32(stream.length - CHECKSUM_BYTES);
  view.setUint32(body.length - CHECKSUM_BYTES, joinAdler(adlerOf(header), content, size));
  return body;
}

/** The body of a loose object, in a buffer of its own. */
export function encodeLoose(type: ObjectType, data: Uint8Array): Uint8Array {
  return looseBody(type, data.length, deflateContent(data));
}
