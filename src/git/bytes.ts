/** Small helpers over byte arrays that every part of the git room needs. */

/** A Buffer over the same memory, without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// A byte order mark is content like any other: dropping it would map two different names onto one.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8; undefined when the bytes are not valid UTF-8, so that two byte strings never become one text. */
export function utf8OrUndefined(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes UTF-8, with U+FFFD for bytes that are none. For text shown to people, never for names that are compared. */
export function utf8Lossy(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8');
}
