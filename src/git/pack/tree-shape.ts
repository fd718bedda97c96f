/**
 * How deep the trees of a pack go and how long their paths are.
 *
 * Trees come in any order, so each one's folders are noted and everything is added up at the end, from the bottom.
 * Folders that the pack does not bring count nothing: they were judged when they came.
 */
import { OID_BYTES } from '../oid.js';
import type { OidIndex, OidTypes } from './index-oids.js';
import { invalidPack, overLimit, type ReceiveLimits } from './limits.js';

/** Folders of all trees together that are noted, besides some for every object of the pack: 6 bytes each. */
const FREE_FOLDERS = 4_000_000;
const FOLDERS_PER_OBJECT = 8;
const FIRST_FOLDERS = 64;

const [UNSEEN, OPEN, DONE] = [0, 1, 2] as const;

export class TreeShape {
  readonly #limits: ReceiveLimits;
  readonly #maxFolders: number;
  /** By tree: the pack entry, the first of its folders, and its longest name that is no folder's. */
  readonly #entries: number[] = [];
  readonly #starts: number[] = [];
  readonly #leaves: number[] = [];
  /** By folder: number of its id, and length of its name. */
  #folders = new Int32Array(FIRST_FOLDERS);
  #lengths = new Uint16Array(FIRST_FOLDERS);
  #count = 0;

  /** @param objects of the pack */
  constructor(limits: ReceiveLimits, objects: number) {
    this.#limits = limits;
    this.#maxFolders = FREE_FOLDERS + FOLDERS_PER_OBJECT * objects;
  }

  /** Begins the tree that is pack entry `entry`; what is added next belongs to it. */
  begin(entry: number): void {
    this.#entries.push(entry);
    this.#starts.push(this.#count);
    this.#leaves.push(0);
  }

  addLeaf(nameBytes: number): void {
    const last = this.#leaves.length - 1;
    if (nameBytes > this.#leaves[last]!) this.#leaves[last] = nameBytes;
  }

  /** @param id number of the folder's id in the names that {@link check} gets */
  addFolder(id: number, nameBytes: number): void {
    if (this.#count === this.#folders.length) this.#grow();
    this.#folders[this.#count] = id;
    this.#lengths[this.#count++] = nameBytes;
  }

  /**
   * Adds everything up.
   * @param known finds pack entries by id
   * @throws AppError INVALID_PACKFILE
   */
  check(names: OidTypes, known: OidIndex, entryCount: number): void {
    const trees = this.#entries.length;
    const treeOf = new Int32Array(entryCount).fill(-1);
    this.#entries.forEach((entry, tree) => {
      treeOf[entry] = tree;
    });
    const { oids } = names;
    const child = (folder: number) => {
      const entry = known.find(oids, this.#folders[folder]! * OID_BYTES);
      return entry < 0 ? -1 : treeOf[entry]!;
    };
    const heights = new Uint16Array(trees);
    const paths = Float64Array.from(this.#leaves);
    const states = new Uint8Array(trees);
    const next = Int32Array.from(this.#starts);
    const stack: number[] = [];
    for (let root = 0; root < trees; root++) {
      if (states[root] === UNSEEN) stack.push(root);
      while (stack.length > 0) {
        const tree = stack[stack.length - 1]!;
        states[tree] = OPEN;
        const folder = next[tree]!;
        if (folder === (this.#starts[tree + 1] ?? this.#count)) {
          this.#admit(++heights[tree]!, paths[tree]!);
          states[tree] = DONE;
          stack.pop();
          continue;
        }
        const below = child(folder);
        if (below >= 0 && states[below] === UNSEEN) {
          stack.push(below);
          // Every pending tree adds a level, so a longer stack is deep enough already.
          if (stack.length > this.#limits.maxTreeDepth) this.#admit(stack.length, 0);
          continue;
        }
        next[tree] = folder + 1;
        const path = this.#lengths[folder]! + (below < 0 ? 0 : 1 + paths[below]!);
        if (path > paths[tree]!) paths[tree] = path;
        if (below >= 0 && heights[below]! > heights[tree]!) heights[tree] = heights[below]!;
      }
    }
  }

  #admit(depth: number, path: number): void {
    const { maxTreeDepth, maxPathBytes } = this.#limits;
    if (depth > maxTreeDepth) throw overLimit('trees are nested deeper than', 'maxTreeDepth', maxTreeDepth);
    if (path > maxPathBytes) throw overLimit('a path has more bytes than', 'maxPathBytes', maxPathBytes);
  }

  #grow(): void {
    if (this.#count >= this.#maxFolders) {
      throw invalidPack(`the trees of the packfile have more than ${this.#maxFolders} folders: push in smaller steps`);
    }
    const folders = new Int32Array(this.#count * 2);
    folders.set(this.#folders);
    this.#folders = folders;
    const lengths = new Uint16Array(this.#count * 2);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
  }
}
