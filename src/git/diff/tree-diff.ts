/** Which files differ between two trees; equal folders are not opened. */
import { AppError } from '../../errors.js';
import { MODES } from '../mode.js';
import type { ObjectSource, WorkMeter } from '../objects/source.js';
import type { Oid } from '../oid.js';
import { MAX_DIFF_FILES, MAX_TREE_DEPTH } from './limits.js';
import { type FileEntry, type Folder, readFolder } from './store.js';

/** One path that differs; the side that lacks it is undefined. */
export interface TreeChange {
  path: string;
  before: FileEntry | undefined;
  after: FileEntry | undefined;
}

/**
 * All differing files, in byte order of their paths.
 * @throws AppError PAYLOAD_TOO_LARGE beyond MAX_DIFF_FILES files or MAX_TREE_DEPTH folders, OBJECT_CORRUPTED
 */
export function changedFiles(source: ObjectSource, before: Oid, after: Oid, meter: WorkMeter): TreeChange[] {
  const changes: TreeChange[] = [];
  const walk = (a: Oid | undefined, b: Oid | undefined, prefix: string, depth: number) => {
    if (depth > MAX_TREE_DEPTH) throw tooLarge(`folders nested deeper than ${MAX_TREE_DEPTH}`);
    const old: Folder = a === undefined ? new Map() : readFolder(source, a);
    const now: Folder = b === undefined ? new Map() : readFolder(source, b);
    meter.spend(old.size + now.size);
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [x, y] = [old.get(name), now.get(name)];
      if (x?.oid === y?.oid && x?.mode === y?.mode) continue;
      const path = prefix + name;
      const [xTree, yTree] = [treeOf(x), treeOf(y)];
      if (xTree !== undefined || yTree !== undefined) walk(xTree, yTree, `${path}/`, depth + 1);
      const [xFile, yFile] = [fileOf(x), fileOf(y)];
      if (xFile === undefined && yFile === undefined) continue;
      changes.push({ path, before: xFile, after: yFile });
      if (changes.length > MAX_DIFF_FILES) throw tooLarge(`more than ${MAX_DIFF_FILES} changed files`);
    }
  };
  if (before !== after) walk(before, after, '', 0);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function treeOf(entry: FileEntry | undefined): Oid | undefined {
  return entry?.mode === MODES.tree ? entry.oid : undefined;
}

function fileOf(entry: FileEntry | undefined): FileEntry | undefined {
  return entry?.mode === MODES.tree ? undefined : entry;
}

function tooLarge(what: string): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', { message: `The diff has ${what}.` });
}
