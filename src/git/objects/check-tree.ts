/**
 * fsck rules for trees, in one pass over the bytes and without making strings: this runs for every tree of a push.
 * Names are looked at closely only when their first byte, a backslash or a tilde makes them suspicious.
 */
import { isSymlink, isTree } from '../mode.js';
import { OID_BYTES } from '../oid.js';
import {
  DOT_GIT,
  DOT_GITATTRIBUTES,
  DOT_GITMODULES,
  type GuardedName,
  isHfsName,
  isNtfsDotGit,
  isNtfsName,
} from './dotgit.js';
import { ObjectError } from './error.js';
import type { FindingId } from './finding.js';
import { forEachTreeEntry } from './tree.js';

/** Longest name in a tree, bytes: git's default for largePathname. */
export const MAX_NAME_BYTES = 4096;

const DOT = 0x2e;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;
const ZERO = 0x30;

/** A file that git reads for its own purposes, so that its content matters. */
export type GuardedFile = 'gitmodules' | 'gitattributes';

/** Told of each entry of a tree that some file system opens as a guarded file, with the position of its id. */
export type GuardedEntry = (file: GuardedFile, oidAt: number) => void;

export function checkTree(data: Uint8Array, guarded?: GuardedEntry): FindingId | undefined {
  let found: FindingId | undefined;
  let order: FindingId | undefined;
  const sequence = new EntryOrder(data);
  let from = 0;
  try {
    forEachTreeEntry(data, (mode, start, end, oidAt) => {
      found ??= data[from] === ZERO ? 'zeroPaddedFilemode' : undefined;
      from = oidAt + OID_BYTES;
      found ??= checkName(data, mode, start, end, guarded);
      if (data[oidAt] === 0 && isZero(data, oidAt)) found ??= 'nullSha1';
      order ??= sequence.next(start, end, isTree(mode));
    });
  } catch (error) {
    if (error instanceof ObjectError) return found ?? 'badTree';
    throw error;
  }
  return found ?? order;
}

function isZero(data: Uint8Array, at: number): boolean {
  for (let i = 0; i < OID_BYTES; i++) if (data[at + i] !== 0) return false;
  return true;
}

function checkName(
  data: Uint8Array,
  mode: number,
  start: number,
  end: number,
  guarded: GuardedEntry | undefined,
): FindingId | undefined {
  const size = end - start;
  if (size === 0) return 'emptyName';
  if (size > MAX_NAME_BYTES) return 'largePathname';
  const first = data[start]!;
  // 0xe2 and 0xef lead the code points that HFS+ ignores.
  let suspicious = first === DOT || first === 0xe2 || first === 0xef;
  for (let i = start; i < end; i++) {
    const byte = data[i];
    if (byte === SLASH) return 'fullPathname';
    if (byte === BACKSLASH || byte === TILDE) suspicious = true;
  }
  if (!suspicious) return undefined;
  if (first === DOT && size === 1) return 'hasDot';
  if (first === DOT && size === 2 && data[start + 1] === DOT) return 'hasDotdot';
  if (isHfsName(data, start, end, DOT_GIT)) return 'hasDotgit';
  const oidAt = end + 1;
  // A link to attributes only gets a note from git, since it never follows one.
  if (!isSymlink(mode) && isGuarded(data, start, end, DOT_GITATTRIBUTES)) guarded?.('gitattributes', oidAt);
  let modules = isHfsName(data, start, end, DOT_GITMODULES);
  for (let part = start; ; ) {
    if (isNtfsDotGit(data, part, end)) return 'hasDotgit';
    modules ||= isNtfsName(data, part, end, DOT_GITMODULES);
    const backslash = data.indexOf(BACKSLASH, part);
    if (backslash === -1 || backslash >= end) break;
    part = backslash + 1;
  }
  if (!modules) return undefined;
  if (isSymlink(mode)) return 'gitmodulesSymlink';
  guarded?.('gitmodules', oidAt);
  return undefined;
}

function isGuarded(data: Uint8Array, start: number, end: number, name: GuardedName): boolean {
  return isHfsName(data, start, end, name) || isNtfsName(data, start, end, name);
}

/**
 * Compares each entry with the one before. A file `a` and a directory `a` need not be neighbours (`a`, `a.c`, `a/`),
 * so files that begin the names after them are kept until such names end.
 */
class EntryOrder {
  readonly #data: Uint8Array;
  #start = 0;
  #end = -1;
  #tree = false;
  /** Start and end of the kept names, each a prefix of the next. */
  readonly #kept: number[] = [];

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  next(start: number, end: number, tree: boolean): FindingId | undefined {
    const finding = this.#end === -1 ? undefined : this.#compare(start, end, tree);
    this.#start = start;
    this.#end = end;
    this.#tree = tree;
    return finding;
  }

  #compare(start: number, end: number, tree: boolean): FindingId | undefined {
    const size = this.#end - this.#start;
    const common = this.#commonPrefix(this.#start, this.#end, start, end);
    if (common === size && common === end - start) return 'duplicateEntries';
    const before = common < size ? this.#data[this.#start + common]! : this.#tree ? SLASH : 0;
    const after = common < end - start ? this.#data[start + common]! : tree ? SLASH : 0;
    if (before >= after) return 'treeNotSorted';
    if (common === size && !this.#tree) this.#kept.push(this.#start, this.#end);
    return this.#kept.length > 0 && this.#repeats(start, end) ? 'duplicateEntries' : undefined;
  }

  #repeats(start: number, end: number): boolean {
    for (let top = this.#kept.length; top > 0; top -= 2) {
      const keptStart = this.#kept[top - 2]!;
      const size = this.#kept[top - 1]! - keptStart;
      if (this.#commonPrefix(keptStart, keptStart + size, start, end) === size) return size === end - start;
      this.#kept.length = top - 2;
    }
    return false;
  }

  #commonPrefix(aStart: number, aEnd: number, bStart: number, bEnd: number): number {
    const limit = Math.min(aEnd - aStart, bEnd - bStart);
    let i = 0;
    while (i < limit && this.#data[aStart + i] === this.#data[bStart + i]) i++;
    return i;
  }
}
