/** Following a path from the root tree of a commit. */
import { readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { isTree, MODES, type Oid, type TreeEntry, treeEntries } from '../git/index.js';

/** Folders of a path that are opened one after the other; longer paths exist on no file system. */
const MAX_DEPTH = 2048;

/** What lies at a path. */
export interface Found {
  mode: number;
  oid: Oid;
}

/** The path without slashes at either end; '' is the root. */
export function trimPath(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

/**
 * Finds the entry at `path`. Parts are compared with entry names byte by byte; `.` and `..` have no meaning, since no tree
 * has entries of these names.
 * @param path as {@link trimPath} returns it
 * @returns undefined when there is nothing
 */
export async function findPath(
  ctx: AppContext,
  snapshot: Snapshot,
  root: Oid,
  path: string,
): Promise<Found | undefined> {
  let found: Found = { mode: MODES.tree, oid: root };
  const parts = path === '' ? [] : path.split('/');
  if (parts.length > MAX_DEPTH) return undefined;
  for (const part of parts) {
    if (!isTree(found.mode)) return undefined;
    const name = Buffer.from(part, 'utf8');
    const entry = (await readTree(ctx, snapshot, found.oid)).find(({ bytes }) => bytes.equals(name));
    if (entry === undefined) return undefined;
    found = entry;
  }
  return found;
}

/** @throws AppError OBJECT_CORRUPTED when the stored tree cannot be read */
export async function readTree(ctx: AppContext, snapshot: Snapshot, oid: Oid): Promise<TreeEntry[]> {
  const object = await readObject(ctx, snapshot, oid);
  if (object?.type !== 'tree') throw new AppError('OBJECT_CORRUPTED', { details: { oid } });
  return treeEntries(object.data);
}

/** @throws always */
export function nothingAt(path: string, message = 'There is nothing at this path.'): never {
  throw new AppError('NOT_FOUND', { message, details: { path: path.slice(0, 1024) } });
}
