/** Makes names survive a power cut: a rename is durable only when every folder up to the root is synced too. */
import { mkdir, open, rename, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LRUCache } from 'lru-cache';
import { isMissing } from './failure.js';

/** Folders remembered as synced; 256 fan-out folders for each of a few dozen busy repositories. */
const REMEMBERED_FOLDERS = 10_000;

/** How often a folder that another call keeps removing is made again. */
export const FOLDER_ATTEMPTS = 20;

export class DurableFolders {
  readonly #root: string;
  readonly #synced = new LRUCache<string, true>({ max: REMEMBERED_FOLDERS });

  constructor(root: string) {
    this.#root = root;
  }

  /** Moves a synced temp file to its name and returns when the name is durable. */
  async install(temp: string, path: string): Promise<void> {
    const folder = dirname(path);
    for (let attempt = 1; ; attempt++) {
      try {
        if (!this.#synced.has(folder)) await mkdir(folder, { recursive: true });
        await rename(temp, path);
        break;
      } catch (error) {
        // A delete may have removed the emptied folder in between.
        this.#synced.delete(folder);
        if (!isMissing(error) || attempt === FOLDER_ATTEMPTS) throw error;
      }
    }
    // Renaming one hard link onto another of the same file does nothing and leaves the first.
    await rm(temp, { force: true });
    await this.#sync(folder);
  }

  /** Removes a folder and its parents below the root as far as they are empty. */
  async prune(folder: string): Promise<void> {
    for (let at = folder; at !== this.#root; at = dirname(at)) {
      this.#synced.delete(at);
      try {
        await rmdir(at);
      } catch {
        return;
      }
    }
  }

  async #sync(folder: string): Promise<void> {
    const known = this.#synced.has(folder);
    await syncPath(folder);
    if (known) return;
    for (let at = folder; at !== this.#root; ) {
      at = dirname(at);
      await syncPath(at);
    }
    this.#synced.set(folder, true);
  }
}

/** Flushes a file or folder to the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
