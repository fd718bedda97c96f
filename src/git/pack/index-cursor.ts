/** Reads single entries of a received pack: header, delta data, content. */

import { type EntryHeader, MAX_HEADER, readEntryHeader } from './entry.js';
import { type Content, ContentFile, memoryContent, pooledContent, type Scratch } from './index-content.js';
import type { PackWindow } from './index-window.js';
import { inflateStream } from './inflate.js';
import { IN_MEMORY_BYTES, invalidPack, maxDeflated } from './limits.js';
import { ONE_CALL_BYTES } from './workshop.js';

export interface Inflated<Data = Buffer | undefined> {
  /** Length of the compressed stream. */
  consumed: number;
  /** Undefined when a sink took the content. */
  data: Data;
}

/** Reads the header at `offset`. `dataAt` and `baseOidAt` are positions in `window.bytes`, valid until its next call. */
export function headerAt(window: PackWindow, offset: number): { header: EntryHeader; length: number } {
  const at = window.seek(offset, MAX_HEADER);
  let header: EntryHeader | undefined;
  try {
    header = readEntryHeader(window.bytes, at);
  } catch (error) {
    throw invalidPack(`the object at offset ${offset} has an impossible header`, { cause: error });
  }
  if (header === undefined) throw invalidPack('the packfile ends inside an object');
  if (header.dataAt - at > MAX_HEADER) throw invalidPack(`the object at offset ${offset} has an overlong header`);
  return { header, length: header.dataAt - at };
}

/**
 * Inflates `size` bytes at `offset` without waiting, when they are few and lie whole in the window. The content is valid
 * until the next call.
 * @returns undefined when {@link inflateSlow} must do it, or tell what is wrong
 */
export function inflateQuick(window: PackWindow, offset: number, size: number): Inflated<Buffer> | undefined {
  if (size > ONE_CALL_BYTES) return undefined;
  const at = window.seek(offset, size + (size >> 3) + 256);
  const { workshop } = window;
  const consumed = workshop.inflate(at, window.bytes.length, size);
  return consumed < 0 ? undefined : { data: workshop.inflated(size), consumed };
}

/** Inflates `size` bytes at `offset` piece by piece, into memory unless there is a `sink`. */
export async function inflateSlow(
  window: PackWindow,
  offset: number,
  size: number,
  sink?: (piece: Buffer) => void,
): Promise<Inflated> {
  const data = sink === undefined ? Buffer.allocUnsafe(size) : undefined;
  let filled = 0;
  const take = (piece: Buffer) => {
    filled += piece.copy(data!, filled);
  };
  const consumed = await inflateStream(window.pieces(offset), size, maxDeflated(size), sink ?? take);
  if (consumed > maxDeflated(size)) throw invalidPack('an object is padded beyond its announced size');
  return { consumed, data };
}

/** Content or delta data at `offset` that {@link inflateQuick} can inflate. */
export function loadQuick(window: PackWindow, scratch: Scratch, offset: number, size: number): Content | undefined {
  const quick = inflateQuick(window, offset, size);
  if (quick === undefined) return undefined;
  const copy = scratch.buffers.take(size);
  copy.set(quick.data);
  return pooledContent(copy, scratch.buffers);
}

/** Content or delta data at `offset`, in memory or in a scratch file according to its size. */
export async function loadContent(
  window: PackWindow,
  scratch: Scratch,
  offset: number,
  size: number,
): Promise<Content> {
  const quick = loadQuick(window, scratch, offset, size);
  if (quick !== undefined) return quick;
  if (size <= IN_MEMORY_BYTES) return memoryContent((await inflateSlow(window, offset, size)).data!);
  const file = new ContentFile(scratch, 3, size);
  await inflateSlow(window, offset, size, (piece) => file.write(piece));
  return file.finish().content;
}
