/** Makes names survive a power cut: a rename is durable only when every folder up to the root is synced too. */
import { link, mkdir, open, rename, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LRUCache } from 'lru-cache';
import { isMissing } from './failure.js';

/** Folders remembered as synced; 256 fan-out folders for each of a few dozen busy repositories. */
const REMEMBERED_FOLDERS = 10_000;

/** How often a folder that another call keeps removing is made again. */
export const FOLDER_ATTEMPTS = 20;

interface Flush {
  /** True while an earlier flush of the folder runs, so that this one covers what is renamed until then. */
  waits: boolean;
  done: Promise<void>;
}

export class DurableFolders {
  readonly #root: string;
  readonly #synced = new LRUCache<string, true>({ max: REMEMBERED_FOLDERS });
  readonly #flushes = new Map<string, Flush>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Moves a synced temp file to its name and returns when the name is durable.
   * @param isLink whether the temp file is a second name of a file: should it already have the wanted name too, moving
   *   does nothing and leaves the temp file
   */
  async install(temp: string, path: string, isLink = false): Promise<void> {
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
    if (isLink) await rm(temp, { force: true });
    await this.#sync(folder);
  }

  /**
   * Gives a file a second name, whole or not at all, and returns when it is durable.
   * @returns false when that was not possible, for example because the name is taken
   */
  async link(source: string, path: string): Promise<boolean> {
    const folder = dirname(path);
    await syncPath(source);
    try {
      if (!this.#synced.has(folder)) await mkdir(folder, { recursive: true });
      await link(source, path);
    } catch {
      return false;
    }
    await this.#sync(folder);
    return true;
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
    await this.#flush(folder);
    if (known) return;
    const named = [folder];
    for (let at = folder; at !== this.#root; ) {
      at = dirname(at);
      await this.#flush(at);
      if (this.#synced.has(at)) break;
      named.push(at);
    }
    for (const each of named) if (each !== this.#root) this.#synced.set(each, true);
  }

  /** Flushes a folder to the disk; calls that come while a flush runs share the next one. */
  #flush(folder: string): Promise<void> {
    const last = this.#flushes.get(folder);
    if (last?.waits) return last.done;
    const flush: Flush = { waits: last !== undefined, done: Promise.resolve() };
    const run = async () => {
      await last?.done.catch(() => {});
      flush.waits = false;
      await syncPath(folder);
    };
    flush.done = run().finally(() => {
      if (this.#flushes.get(folder) === flush) this.#flushes.delete(folder);
    });
    this.#flushes.set(folder, flush);
    return flush.done;
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
