/**
 * Packs that are ready to send, kept for the next client that is to be sent the same: after a push many clients fetch the
 * same commits, and those that clone a part of a repository ask for the same part. A pack that is being made is waited
 * for, so that a crowd costs one making.
 */
import { rm } from 'node:fs/promises';

/** Bytes kept in memory, and those of files in the spool folder, by all repositories together. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const DISK_BYTES = 256 * 1024 * 1024;
/** No pack may take a larger part of either. */
const LARGEST_SHARE = 0.25;
/** What an entry takes besides its pack, bytes. */
const OVERHEAD_BYTES = 500;

/** In memory, or a file that belongs to the cache from then on. */
export type ReadyPack = { objects: number } & ({ data: Uint8Array } | { path: string; bytes: number });

interface Entry {
  making: Promise<ReadyPack>;
  /** Set when it is made. */
  pack: ReadyPack | undefined;
  users: number;
  kept: boolean;
}

export interface ReadyPackLimits {
  memoryBytes?: number;
  diskBytes?: number;
}

export class ReadyPacks {
  readonly #limits: { memory: number; disk: number };
  /** In order of use, least recent first. */
  readonly #entries = new Map<string, Entry>();
  readonly #used = { memory: 0, disk: 0 };

  constructor({ memoryBytes = MEMORY_BYTES, diskBytes = DISK_BYTES }: ReadyPackLimits = {}) {
    this.#limits = { memory: memoryBytes, disk: diskBytes };
  }

  /**
   * The pack of a name within a repository; the name says everything that its bytes depend on.
   * @param make makes it when it is not there; its failure is that of everybody who waits for it, and is not kept
   * @returns the pack, which stays until `release` is called
   */
  async acquire(
    repoId: string,
    name: string,
    make: () => Promise<ReadyPack>,
  ): Promise<{ pack: ReadyPack; release: () => Promise<void> }> {
    const key = `${repoId}/${name}`;
    const entry = this.#entries.get(key) ?? this.#begin(key, make);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    const pack = await entry.making;
    let held = true;
    const release = async () => {
      if (!held) return;
      held = false;
      entry.users -= 1;
      await dispose(entry);
    };
    return { pack, release };
  }

  /** Drops the packs of a deleted repository; those in use go when they are released. */
  async forget(repoId: string): Promise<void> {
    for (const key of [...this.#entries.keys()]) if (key.startsWith(`${repoId}/`)) await this.#drop(key);
  }

  #begin(key: string, make: () => Promise<ReadyPack>): Entry {
    const entry: Entry = { making: make(), pack: undefined, users: 0, kept: true };
    entry.making.then(
      (pack) => this.#made(key, entry, pack),
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return entry;
  }

  #made(key: string, entry: Entry, pack: ReadyPack): void {
    entry.pack = pack;
    if (!entry.kept) return;
    const { place, bytes } = sizeOf(pack);
    this.#used[place] += bytes;
    if (bytes > this.#limits[place] * LARGEST_SHARE) {
      void this.#drop(key);
      return;
    }
    for (const [other, { pack: old }] of this.#entries) {
      if (this.#used[place] <= this.#limits[place]) break;
      if (old !== undefined && sizeOf(old).place === place) void this.#drop(other);
    }
  }

  async #drop(key: string): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.kept = false;
    if (entry.pack === undefined) return;
    const { place, bytes } = sizeOf(entry.pack);
    this.#used[place] -= bytes;
    await dispose(entry);
  }
}

function sizeOf(pack: ReadyPack): { place: 'memory' | 'disk'; bytes: number } {
  // A view keeps the whole of its memory alive.
  if ('data' in pack) return { place: 'memory', bytes: pack.data.buffer.byteLength + OVERHEAD_BYTES };
  return { place: 'disk', bytes: pack.bytes };
}

/** Removes the file of a pack that is neither kept nor used. What cannot be removed goes with the spool folder. */
async function dispose({ kept, users, pack }: Entry): Promise<void> {
  if (!kept && users === 0 && pack !== undefined && 'path' in pack)
    await rm(pack.path, { force: true }).catch(() => {});
}
