/** What diffs and merges read of an object source: entries of trees and content of files. */
import { AppError } from '../../errors.js';
import { isGitlink, isSymlink, isTree, MODES } from '../mode.js';
import { forEachTreeEntry, ObjectError } from '../objects/index.js';
import type { ObjectSource } from '../objects/source.js';
import { type Oid, oidAt } from '../oid.js';
import { MAX_TEXT_BYTES } from './limits.js';

/** The tree without entries, which exists in every repository without being stored. */
export const EMPTY_TREE: Oid = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
/** The blob without content. */
export const EMPTY_BLOB: Oid = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

/** Bytes that git looks at to tell binary content from text. */
const BINARY_PROBE = 8000;

/** A file of a tree. Paths and names are bytes kept as latin1 text, so that they sort as git sorts them. */
export interface FileEntry {
  mode: number;
  oid: Oid;
}

export type Folder = Map<string, FileEntry>;

/** A mode as git reads it: permissions other than the executable bit are dropped, unknown kinds are submodules. */
export function canonicalMode(mode: number): number {
  if (isTree(mode)) return MODES.tree;
  if (isSymlink(mode)) return MODES.symlink;
  if (isGitlink(mode)) return MODES.gitlink;
  return (mode & 0o100) !== 0 ? MODES.executable : MODES.file;
}

export function isRegular(mode: number): boolean {
  return mode === MODES.file || mode === MODES.executable;
}

/** Entries of a tree by name. @throws AppError OBJECT_CORRUPTED */
export function readFolder(source: ObjectSource, oid: Oid): Folder {
  const folder: Folder = new Map();
  const object = source.read(oid);
  if (object === undefined && oid === EMPTY_TREE) return folder;
  if (object?.type !== 'tree') throw corrupted(oid, 'tree');
  const data = Buffer.from(object.data.buffer, object.data.byteOffset, object.data.byteLength);
  try {
    forEachTreeEntry(data, (mode, start, end, at) => {
      folder.set(data.toString('latin1', start, end), { mode: canonicalMode(mode), oid: oidAt(data, at) });
    });
  } catch (error) {
    if (error instanceof ObjectError) throw corrupted(oid, 'tree', error);
    throw error;
  }
  return folder;
}

/** Content of a blob. @throws AppError OBJECT_CORRUPTED when there is no such blob */
export function readBlob(source: ObjectSource, oid: Oid): Uint8Array {
  const object = source.read(oid);
  if (object?.type !== 'blob') throw corrupted(oid, 'blob');
  return object.data;
}

/** Size of a blob, bytes. @throws AppError OBJECT_CORRUPTED */
export function blobSize(source: ObjectSource, oid: Oid): number {
  const size = source.size(oid);
  if (size === undefined) throw corrupted(oid, 'blob');
  return size;
}

/** Content to compare line by line, or undefined when it is binary or too large for that. */
export function readText(source: ObjectSource, oid: Oid): Uint8Array | undefined {
  if (blobSize(source, oid) > MAX_TEXT_BYTES) return undefined;
  const data = readBlob(source, oid);
  return isBinary(data) ? undefined : data;
}

/** git's own test: a NUL among the first bytes. */
export function isBinary(data: Uint8Array): boolean {
  return data.subarray(0, BINARY_PROBE).includes(0);
}

/** A path kept as latin1 text, decoded for people. */
export function displayPath(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

function corrupted(oid: Oid, what: string, cause?: unknown): AppError {
  return new AppError('OBJECT_CORRUPTED', { message: `The ${what} ${oid} cannot be read.`, cause });
}
