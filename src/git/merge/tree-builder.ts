/** Collects the entries of the merged tree folder by folder and writes each folder once it is complete. */
import { basename, dirname, type FileEntry } from '../diff/index.js';
import { MODES } from '../mode.js';
import { encodeTree } from '../objects/index.js';
import type { WritableObjects } from './context.js';

export class TreeBuilder {
  readonly #objects: WritableObjects;
  readonly #open = new Map<string, Map<string, FileEntry>>();

  constructor(objects: WritableObjects) {
    this.#objects = objects;
  }

  add(path: string, entry: FileEntry): void {
    const folder = dirname(path);
    const entries = this.#open.get(folder) ?? new Map<string, FileEntry>();
    entries.set(basename(path), entry);
    this.#open.set(folder, entries);
  }

  /** True when the folder holds entries that are not written yet. */
  isOpen(folder: string): boolean {
    return this.#open.has(folder);
  }

  /** Writes a folder; undefined when nothing is in it. */
  close(folder: string): FileEntry | undefined {
    const entries = this.#open.get(folder);
    if (entries === undefined) return undefined;
    this.#open.delete(folder);
    const rows = [...entries].map(([name, { mode, oid }]) => ({ mode, oid, name: Buffer.from(name, 'latin1') }));
    return { mode: MODES.tree, oid: this.#objects.write('tree', encodeTree(rows)) };
  }

  root(): string {
    return this.close('')?.oid ?? this.#objects.write('tree', new Uint8Array(0));
  }
}
