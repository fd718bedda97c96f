/** What is learnt from the objects of a received pack while their content is at hand. */
import { asBuffer } from '../bytes.js';
import { encodeSegment, type SegmentCommit, type SegmentTag } from '../graph/segment.js';
import { isGitlink, isTree } from '../mode.js';
import { checkObject } from '../objects/check.js';
import { commitLinks } from '../objects/commit.js';
import { ObjectError } from '../objects/error.js';
import { parseTag } from '../objects/tag.js';
import { forEachTreeEntry } from '../objects/tree.js';
import { OBJECT_TYPES, type ObjectType } from '../objects/type.js';
import { OID_BYTES, type Oid, oidAt, oidToBytes } from '../oid.js';
import { GuardedFiles } from './guarded-files.js';
import { OidTypes } from './index-oids.js';
import { parentsFirst } from './index-order.js';
import { invalidObject, namedAs } from './invalid-object.js';
import { type KnownTrees, STORED, TREE_VERDICTS } from './known-trees.js';
import { invalidPack, MAX_LOOSE_BYTES, MAX_PARENTS, overLimit, type ReceiveLimits } from './limits.js';
import { deflateContent, looseBody } from './loose.js';
import type { RecentObject, RecentObjects } from './recent-objects.js';
import { TreeShape } from './tree-shape.js';

/** Most objects of a pack name objects of the same pack; trees that name far more are made to exhaust memory. */
const NAMES_PER_OBJECT_LIMIT = 2;

/** A loose object in git's zlib format. */
export interface LooseBody {
  oid: Oid;
  type: ObjectType;
  size: number;
  body: Uint8Array;
}

export class ObjectFacts {
  /** Ids that objects name, with the type that the name demands. */
  readonly names: OidTypes;
  /** Blobs whose content has rules. */
  readonly guarded: GuardedFiles;
  readonly shape: TreeShape;
  readonly #commits: SegmentCommit[] = [];
  readonly #tags: SegmentTag[] = [];
  readonly #limits: ReceiveLimits;
  readonly #maxNames: number;
  readonly #recent: RecentObjects | undefined;
  #loose: LooseBody[] | undefined;
  #looseBytes = 0;

  /**
   * @param seeds see OidIndex
   * @param objects of the pack
   * @param keepLoose whether to make loose objects
   * @param recent gets the objects that are made loose
   */
  constructor(seeds: Int32Array, objects: number, limits: ReceiveLimits, keepLoose: boolean, recent?: RecentObjects) {
    this.names = new OidTypes(seeds);
    this.guarded = new GuardedFiles(seeds);
    this.shape = new TreeShape(limits, objects);
    this.#limits = limits;
    this.#maxNames = limits.maxObjects * NAMES_PER_OBJECT_LIMIT;
    this.#loose = keepLoose ? [] : undefined;
    this.#recent = recent;
  }

  /** Checks one object and remembers its links. @throws AppError INVALID_OBJECT */
  learn(type: ObjectType, oids: Uint8Array, at: number, data: Uint8Array): void {
    this.#check(type, oids, at, data);
    if (type !== 'blob') {
      try {
        this.#links(type, oids, at, data);
      } catch (error) {
        if (error instanceof ObjectError) throw invalidObject(oidAt(oids, at), 'unterminatedHeader', error.message);
        throw error;
      }
    }
    this.#keepLoose(type, oids, at, data);
  }

  /**
   * The same for a tree, most of which may be known from the tree before.
   * @param address of the content in the memory of `trees`
   * @param content the same bytes
   */
  learnTree(
    trees: KnownTrees,
    address: number,
    size: number,
    oids: Uint8Array,
    at: number,
    content: () => Uint8Array,
  ): void {
    const verdict = trees.check(address, size);
    if (verdict === TREE_VERDICTS.malformed) {
      trees.forget();
      this.learn('tree', oids, at, content());
      return;
    }
    if (verdict === TREE_VERDICTS.odd) this.#check('tree', oids, at, content());
    trees.numberNew((idAt, isFolder) =>
      this.#name(trees.bytes, idAt, isFolder ? OBJECT_TYPES.tree : OBJECT_TYPES.blob),
    );
    this.shape.begin(at / OID_BYTES);
    trees.forEachFolder((number, nameBytes) => {
      if (number === STORED) this.shape.addLeaf(nameBytes);
      else this.shape.addFolder(number, nameBytes);
    });
    this.shape.addLeaf(trees.longestLeaf);
    this.#admitEntries(trees.entries);
    trees.keep();
    if (this.#loose !== undefined) this.#keepLoose('tree', oids, at, content());
  }

  /**
   * Shows a tree that the repository has already: with it, it has all that the tree names, so that the next tree need
   * name only what is new in it.
   */
  passStored(trees: KnownTrees, address: number, size: number): void {
    // An odd tree has entries that must be looked at in each tree that has them.
    if (trees.check(address, size) === TREE_VERDICTS.good) trees.keepStored();
    else trees.forget();
  }

  /** Remembers an object of the repository for the next pack, where that is done for those of this one. */
  noteStored(oid: Oid, object: RecentObject): void {
    if (this.#loose !== undefined) this.#recent?.add(oid, object);
  }

  /** Whether {@link learn} has any use for blobs by now. */
  get needsBlobs(): boolean {
    return this.#loose !== undefined || !this.guarded.isEmpty;
  }

  #check(type: ObjectType, oids: Uint8Array, at: number, data: Uint8Array): void {
    const problem =
      type === 'blob'
        ? this.guarded.check(oids, at, data)
        : checkObject(type, data, (file, entryOid) => this.guarded.add(file, data, entryOid));
    if (problem !== undefined) throw invalidObject(oidAt(oids, at), problem.id, problem.message);
  }

  #keepLoose(type: ObjectType, oids: Uint8Array, at: number, data: Uint8Array): void {
    if (this.#loose === undefined) return;
    this.#looseBytes += data.length;
    if (this.#looseBytes > MAX_LOOSE_BYTES) {
      this.#loose = undefined;
      return;
    }
    const oid = oidAt(oids, at);
    const stream = deflateContent(data);
    this.#loose.push({ oid, type, size: data.length, body: looseBody(type, data.length, stream) });
    this.#recent?.add(oid, { type, data, stream });
  }

  /** Tells that an object was too large to be handed to {@link learn}. */
  skipLarge(): void {
    this.#loose = undefined;
  }

  /** Loose objects of everything learnt; empty when they were not wanted or are too large together. */
  get loose(): LooseBody[] {
    return this.#loose ?? [];
  }

  /** The graph segment of all commits and tags learnt. */
  segment(): Uint8Array {
    return encodeSegment(parentsFirst(this.#commits), this.#tags);
  }

  #links(type: ObjectType, oids: Uint8Array, at: number, data: Uint8Array): void {
    if (type === 'tree') {
      let count = 0;
      this.shape.begin(at / OID_BYTES);
      forEachTreeEntry(data, (mode, nameStart, nameEnd, entryOid) => {
        count++;
        if (isTree(mode)) {
          this.shape.addFolder(this.#name(data, entryOid, OBJECT_TYPES.tree), nameEnd - nameStart);
          return;
        }
        this.shape.addLeaf(nameEnd - nameStart);
        // A gitlink names a commit of another repository.
        if (!isGitlink(mode)) this.#name(data, entryOid, OBJECT_TYPES.blob);
      });
      this.#admitEntries(count);
      return;
    }
    this.#admitMessage(data);
    const oid = oidAt(oids, at);
    if (type === 'commit') {
      const { tree, parents, time } = commitLinks(data);
      if (parents.length > MAX_PARENTS) throw invalidObject(oid, 'multipleParents', 'the commit has too many parents');
      this.#commits.push({ oid, tree, time, parents });
      this.#name(oidToBytes(tree), 0, OBJECT_TYPES.tree);
      for (const parent of parents) this.#name(oidToBytes(parent), 0, OBJECT_TYPES.commit);
    } else {
      const { object, type: target } = parseTag(data);
      this.#tags.push({ oid, target: object, targetType: OBJECT_TYPES[target] });
      this.#name(oidToBytes(object), 0, OBJECT_TYPES[target]);
    }
  }

  #admitEntries(count: number): void {
    const { maxTreeEntries } = this.#limits;
    if (count > maxTreeEntries) throw overLimit('a tree has more entries than', 'maxTreeEntries', maxTreeEntries);
  }

  #admitMessage(data: Uint8Array): void {
    const { maxMessageBytes } = this.#limits;
    const blank = asBuffer(data).indexOf('\n\n');
    if (blank === -1 || data.length - blank - 2 <= maxMessageBytes) return;
    throw overLimit('a message has more bytes than', 'maxMessageBytes', maxMessageBytes);
  }

  /** @returns the number of the name */
  #name(bytes: Uint8Array, at: number, type: number): number {
    const number = this.names.add(bytes, at, type);
    const known = this.names.type(number);
    if (known !== type) throw namedAs(oidAt(bytes, at), known, type);
    if (this.names.count > this.#maxNames) throw invalidPack('the objects of the packfile name too many other objects');
    return number;
  }
}
