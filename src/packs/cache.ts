/**
 * Packs on the local disk, fetched from the object store when first needed and dropped least recently used first.
 * Packs never change, so an entry is never stale. One process per folder: files are deleted without asking others.
 */
import { mkdir, rm } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.js';
import { type ObjectStore, packKey } from '../storage/index.js';
import {
  type CacheFiles,
  cacheFiles,
  downloadPack,
  linkPack,
  packFilesPresent,
  packSize,
  removePack,
  scanFolder,
} from './cache-files.js';
import type { LocalPack, PinnedPack } from './contract.js';
import { openLocal, type PackIndex, parseIndex, readIndexFiles } from './local-pack.js';
import { ReadyPacks } from './ready-packs.js';

export type { PackIndex } from './local-pack.js';
export { rebuildMeta } from './rebuild-meta.js';

/** Bytes of indexes and sidecars kept in memory for checks on the event loop. */
const SMALL_BYTES = 64 * 1024 * 1024;

export interface PackCacheOptions {
  store: ObjectStore;
  /** Folder of this cache alone. */
  dir: string;
  /** Cap of the unpinned packs with the pinned ones, bytes; pinned packs may exceed it. */
  maxBytes: number;
  /** Keep the folder's packs across restarts; otherwise it is emptied at open and at close. */
  persistent: boolean;
  metrics: Pick<Metrics, 'cacheHits' | 'cacheMisses' | 'cacheEvictions' | 'cacheBytes'>;
  log?: Pick<Logger, 'warn'>;
}

interface Entry {
  files: CacheFiles;
  bytes: number;
  pins: number;
  /** Settles when the files are in place. */
  ready: Promise<void>;
  isReady: boolean;
}

export class PackCache {
  /** What was sent last, in the form in which it was sent. */
  readonly ready = new ReadyPacks();
  readonly #options: PackCacheOptions;
  /** In order of use, least recent first. */
  readonly #entries = new Map<string, Entry>();
  readonly #small = new LRUCache<string, PackIndex>({
    maxSize: SMALL_BYTES,
    sizeCalculation: ({ idx, meta }) => idx.bytes.length + meta.bytes.length,
  });
  readonly #loading = new Map<string, Promise<PackIndex>>();
  #bytes = 0;

  private constructor(options: PackCacheOptions) {
    this.#options = options;
  }

  static async open(options: PackCacheOptions): Promise<PackCache> {
    const cache = new PackCache(options);
    if (!options.persistent) await rm(options.dir, { recursive: true, force: true });
    await mkdir(options.dir, { recursive: true });
    for (const { files, bytes } of await scanFolder(options.dir))
      cache.#insert(files, bytes, Promise.resolve()).isReady = true;
    await cache.#evict();
    return cache;
  }

  /**
   * The pack's files on this machine's disk. Stores that keep bodies on disk are read in place.
   * @throws AppError of the store, S3_OBJECT_NOT_FOUND when the pack is not there, OBJECT_CORRUPTED when what came is
   *   not the pack of this name
   */
  async pin(repoId: string, hash: string): Promise<PinnedPack> {
    const local = await openLocal(this.#options.store, repoId, hash);
    if (local !== undefined) {
      this.#options.metrics.cacheHits.inc();
      return { ...local, release: () => {} };
    }
    const entry = this.#lookUp(repoId, hash);
    entry.pins += 1;
    try {
      await entry.ready;
    } catch (error) {
      entry.pins -= 1;
      throw error;
    }
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      entry.pins -= 1;
      void this.#evict();
    };
    return { ...entry.files.pack, release };
  }

  /** Takes files of a pack just stored, so that this node need not fetch it. The files stay the caller's too. */
  async adopt(repoId: string, hash: string, files: LocalPack): Promise<void> {
    const { store, dir, maxBytes, persistent } = this.#options;
    const target = cacheFiles(dir, repoId, hash);
    if (store.localPath(packKey(repoId, hash, 'pack')) !== undefined || this.#entries.has(target.key)) return;
    const bytes = await packSize(files);
    if (bytes > maxBytes) return;
    try {
      await linkPack(files, target, persistent);
    } catch (error) {
      await removePack(target).catch(() => {});
      this.#options.log?.warn({ err: error }, 'a pushed pack could not be put in the cache');
      return;
    }
    if (this.#entries.has(target.key)) return removePack(target);
    this.#insert(target, bytes, Promise.resolve()).isReady = true;
    await this.#evict();
  }

  /** Index and sidecar in memory, without the pack. @throws as {@link pin} */
  async readSmall(repoId: string, hash: string): Promise<PackIndex> {
    const known = this.knownSmall(repoId, hash);
    if (known !== undefined) return known;
    const key = `${repoId}/${hash}`;
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#loadSmall(repoId, hash).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    const index = await loading;
    this.#small.set(key, index);
    return index;
  }

  /** The same, if they are in memory: a push looks through dozens of packs, and each wait costs more than the look. */
  knownSmall(repoId: string, hash: string): PackIndex | undefined {
    return this.#small.get(`${repoId}/${hash}`);
  }

  /** Keeps index and sidecar of a pack just stored, so that they need not be read again. */
  remember(repoId: string, hash: string, index: PackIndex): void {
    this.#small.set(`${repoId}/${hash}`, index);
  }

  /** Drops the packs of a deleted repository, except those in use, which leave as the least recently used do. */
  async forget(repoId: string): Promise<void> {
    const ours = (key: string) => key.startsWith(`${repoId}/`);
    for (const key of [...this.#small.keys()].filter(ours)) this.#small.delete(key);
    const idle = [...this.#entries.values()].filter(
      ({ files, pins, isReady }) => ours(files.key) && pins === 0 && isReady,
    );
    for (const entry of idle) this.#drop(entry);
    await this.#remove(idle);
    await this.ready.forget(repoId);
  }

  /** Empties a folder that is not persistent. */
  async close(): Promise<void> {
    if (!this.#options.persistent) await rm(this.#options.dir, { recursive: true, force: true });
    this.#small.clear();
  }

  async #loadSmall(repoId: string, hash: string): Promise<PackIndex> {
    const { store } = this.#options;
    const cached = this.#entries.get(`${repoId}/${hash}`)?.isReady === true;
    if (!cached && store.localPath(packKey(repoId, hash, 'pack')) === undefined) {
      const [idx, meta] = await Promise.all([
        store.get(packKey(repoId, hash, 'idx')),
        store.get(packKey(repoId, hash, 'meta')),
      ]);
      if (idx !== undefined && meta !== undefined) return parseIndex(hash, idx, meta);
    }
    const pack = await this.pin(repoId, hash);
    try {
      return await readIndexFiles(pack);
    } finally {
      pack.release();
    }
  }

  /** The entry, moved to the most recent place; made, with its download begun, when there is none. */
  #lookUp(repoId: string, hash: string): Entry {
    const { dir, metrics, store, persistent } = this.#options;
    const files = cacheFiles(dir, repoId, hash);
    const known = this.#entries.get(files.key);
    if (known !== undefined) {
      // An operator may have emptied the folder under us.
      if (!known.isReady || packFilesPresent(known.files)) {
        this.#entries.delete(files.key);
        this.#entries.set(files.key, known);
        metrics.cacheHits.inc();
        return known;
      }
      this.#drop(known);
    }
    metrics.cacheMisses.inc();
    const entry = this.#insert(files, 0, Promise.resolve());
    const reserve = async (bytes: number) => {
      this.#resize(entry, bytes);
      await this.#evict();
    };
    entry.ready = downloadPack(store, repoId, files, persistent, reserve).then(
      (bytes) => {
        this.#resize(entry, bytes);
        entry.isReady = true;
      },
      (error: unknown) => {
        this.#drop(entry);
        throw error;
      },
    );
    return entry;
  }

  #insert(files: CacheFiles, bytes: number, ready: Promise<void>): Entry {
    const entry: Entry = { files, bytes: 0, pins: 0, ready, isReady: false };
    this.#entries.set(files.key, entry);
    this.#resize(entry, bytes);
    return entry;
  }

  #resize(entry: Entry, bytes: number): void {
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    this.#options.metrics.cacheBytes.set(this.#bytes);
  }

  #drop(entry: Entry): void {
    if (this.#entries.get(entry.files.key) !== entry) return;
    this.#entries.delete(entry.files.key);
    this.#resize(entry, 0);
  }

  async #evict(): Promise<void> {
    const victims: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= this.#options.maxBytes) break;
      if (entry.pins > 0 || !entry.isReady) continue;
      this.#drop(entry);
      victims.push(entry);
    }
    await this.#remove(victims);
  }

  async #remove(victims: readonly Entry[]): Promise<void> {
    for (const { files } of victims) {
      this.#options.metrics.cacheEvictions.inc();
      await removePack(files).catch((error: unknown) => {
        this.#options.log?.warn({ err: error }, 'a cached pack could not be deleted');
      });
    }
  }
}
