import { open } from 'node:fs/promises';
import { inflateSync, constants as zlib } from 'node:zlib';

/** More than enough compressed bytes for the longest header, `commit 9007199254740991\0`. */
const HEAD_BYTES = 512;

/** True for the key of a loose object, with a SHA-1 or a SHA-256 name. */
export function isLooseKey(key: string): boolean {
  return /\/objects\/[0-9a-f]{2}\/(?:[0-9a-f]{38}|[0-9a-f]{62})$/.test(key);
}

/**
 * Type and size as metadata, read from the body's own header, so that the folder stays a plain git object directory.
 * Empty when the file is no loose object.
 */
export async function looseMetadata(path: string): Promise<Record<string, string>> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const plain = inflateSync(buffer.subarray(0, bytesRead), { finishFlush: zlib.Z_SYNC_FLUSH });
    const header = /^(blob|tree|commit|tag) (\d+)\0/.exec(plain.subarray(0, 32).toString('latin1'));
    if (header === null) return {};
    return { 'x-git-object-type': header[1] ?? '', 'x-git-object-size': header[2] ?? '' };
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) return {};
    throw error;
  } finally {
    await handle.close();
  }
}
