/** Pack entry headers (gitformat-pack, "pack-*.pack files have the following format"). */

export const OFS_DELTA = 6;
export const REF_DELTA = 7;

export interface EntryHeader {
  /** 1 commit, 2 tree, 3 blob, 4 tag, 6 OFS_DELTA, 7 REF_DELTA; others are invalid. */
  type: number;
  /** Inflated size of what follows: content or delta data, bytes. */
  size: number;
  /** OFS_DELTA: how far before this entry its base begins. */
  baseDistance: number;
  /** REF_DELTA: position of the 20 base id bytes in the buffer. */
  baseOidAt: number;
  /** Position of the zlib stream in the buffer. */
  dataAt: number;
}

/** Longest header there can be: 10 bytes type and size, 20 bytes base. */
export const MAX_HEADER = 32;

/**
 * Parses the header at `at`.
 * @returns undefined when the buffer ends inside the header
 * @throws RangeError for sizes and distances beyond 2^53
 */
export function readEntryHeader(buffer: Uint8Array, at: number): EntryHeader | undefined {
  let byte = buffer[at++];
  if (byte === undefined) return undefined;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  let scale = 16;
  while (byte & 0x80) {
    byte = buffer[at++];
    if (byte === undefined) return undefined;
    size += (byte & 0x7f) * scale;
    scale *= 128;
    if (!Number.isSafeInteger(size)) throw new RangeError('entry size is too large');
  }
  let baseDistance = 0;
  let baseOidAt = -1;
  if (type === OFS_DELTA) {
    byte = buffer[at++];
    if (byte === undefined) return undefined;
    baseDistance = byte & 0x7f;
    while (byte & 0x80) {
      byte = buffer[at++];
      if (byte === undefined) return undefined;
      baseDistance = (baseDistance + 1) * 128 + (byte & 0x7f);
      if (!Number.isSafeInteger(baseDistance)) throw new RangeError('delta base offset is too large');
    }
  } else if (type === REF_DELTA) {
    if (at + 20 > buffer.length) return undefined;
    baseOidAt = at;
    at += 20;
  }
  return { type, size, baseDistance, baseOidAt, dataAt: at };
}

/** The type and size bytes of an entry header. */
export function writeTypeAndSize(type: number, size: number): number[] {
  const bytes: number[] = [];
  let byte = (type << 4) | (size % 16);
  let rest = Math.floor(size / 16);
  while (rest > 0) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
    rest = Math.floor(rest / 128);
  }
  bytes.push(byte);
  return bytes;
}

/** The base distance bytes of an OFS_DELTA header. */
export function writeBaseDistance(distance: number): number[] {
  const bytes = [distance % 128];
  let rest = Math.floor(distance / 128);
  while (rest > 0) {
    rest -= 1;
    bytes.unshift(0x80 | (rest % 128));
    rest = Math.floor(rest / 128);
  }
  return bytes;
}
