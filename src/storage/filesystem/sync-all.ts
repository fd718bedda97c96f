/** Many files made durable at once. */
import { spawnSync } from 'node:child_process';

let isThere = process.platform === 'linux';

/**
 * Flushes everything written to the file system of `path` so far, with the system's `sync -f` (syncfs(2)), which Node has
 * no call for. It waits for what others wrote too, so it pays only where it takes the place of hundreds of calls.
 * @returns false when that cannot be had here; then each file must be synced by itself
 */
export function syncFilesystem(path: string): boolean {
  if (!isThere) return false;
  const { error, status } = spawnSync('sync', ['-f', path], { stdio: 'ignore' });
  // A failed flush is tried again file by file, which tells what failed.
  if (error !== undefined) isThere = false;
  return error === undefined && status === 0;
}
