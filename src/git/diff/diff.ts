/** The diff of two trees as `git diff -M` gives it. */
import { AppError } from '../../errors.js';
import { MODES } from '../mode.js';
import type { ObjectSource, WorkMeter } from '../objects/source.js';
import type { Oid } from '../oid.js';
import { hunksOf } from './hunks.js';
import { DIFF_RENAME_LIMIT, MAX_DIFF_BYTES, MAX_DIFF_LINES } from './limits.js';
import { type Change, diffLines } from './line-diff.js';
import { LineTable } from './lines.js';
import { findRenames } from './renames.js';
import type { RenameCandidate } from './renames-types.js';
import { displayPath, type FileEntry, readText } from './store.js';
import { changedFiles, type TreeChange } from './tree-diff.js';
import type { DiffHunk, FileDiff, FileStatus, TreeDiff } from './types.js';

interface ChangedFile {
  path: string;
  oldPath: string | undefined;
  before: FileEntry | undefined;
  after: FileEntry | undefined;
}

/**
 * Compares two trees, with renames.
 * @param detail `stat` leaves out the hunks
 * @throws AppError PAYLOAD_TOO_LARGE beyond the limits of limits.ts, OBJECT_CORRUPTED when an object is missing
 */
export function diffTrees(
  source: ObjectSource,
  oldTree: Oid,
  newTree: Oid,
  detail: 'stat' | 'hunks',
  meter: WorkMeter,
): TreeDiff {
  const room = { lines: MAX_DIFF_LINES, bytes: MAX_DIFF_BYTES };
  const files = withRenames(source, changedFiles(source, oldTree, newTree, meter), meter).map((file) =>
    fileDiff(source, file, detail, room, meter),
  );
  const sum = (key: 'insertions' | 'deletions') => files.reduce((total, file) => total + file[key], 0);
  return { files, insertions: sum('insertions'), deletions: sum('deletions') };
}

function withRenames(source: ObjectSource, changes: readonly TreeChange[], meter: WorkMeter): ChangedFile[] {
  const candidates = (pick: (change: TreeChange) => FileEntry | undefined): RenameCandidate[] =>
    changes.flatMap((change) => {
      const entry = pick(change);
      return entry === undefined ? [] : [{ path: change.path, ...entry }];
    });
  const deleted = candidates(({ before, after }) => (after === undefined ? before : undefined));
  const added = candidates(({ before, after }) => (before === undefined ? after : undefined));
  const renames = findRenames(source, { deleted, added, limit: DIFF_RENAME_LIMIT, withEmpty: true }, meter);
  const gone = new Set([...renames.values()].map(({ path }) => path));
  return changes.flatMap(({ path, before, after }) => {
    if (after === undefined && gone.has(path)) return [];
    const from = before === undefined ? renames.get(path) : undefined;
    return [{ path, oldPath: from?.path, before: from ?? before, after }];
  });
}

function fileDiff(
  source: ObjectSource,
  { path, oldPath, before, after }: ChangedFile,
  detail: 'stat' | 'hunks',
  room: { lines: number; bytes: number },
  meter: WorkMeter,
): FileDiff {
  const status: FileStatus =
    oldPath !== undefined ? 'renamed' : before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified';
  const names = { path: displayPath(path), ...(oldPath === undefined ? {} : { oldPath: displayPath(oldPath) }) };
  // A renamed file of the same content is read once, only to tell whether it is binary.
  const unchanged = before?.oid === after?.oid && before?.mode === after?.mode;
  const old = content(source, before);
  const now = unchanged ? old : content(source, after);
  if (old === undefined || now === undefined) {
    return { ...names, status, binary: true, insertions: 0, deletions: 0, hunks: [] };
  }
  const table = new LineTable();
  const [a, b] = [table.split(old), table.split(now)];
  const changes = diffLines(a, b, 'myers', table.size, meter);
  const hunks = detail === 'hunks' ? hunksOf(a, b, changes) : [];
  charge(room, hunks);
  const [deletions, insertions] = [total(changes, 'oldCount'), total(changes, 'newCount')];
  return { ...names, status, binary: false, insertions, deletions, hunks };
}

const EMPTY = new Uint8Array(0);

/** What is compared: a submodule counts as one line that names its commit. Undefined when binary. */
function content(source: ObjectSource, entry: FileEntry | undefined): Uint8Array | undefined {
  if (entry === undefined) return EMPTY;
  if (entry.mode === MODES.gitlink) return Buffer.from(`Subproject commit ${entry.oid}\n`, 'latin1');
  return readText(source, entry.oid);
}

function total(changes: readonly Change[], key: 'oldCount' | 'newCount'): number {
  return changes.reduce((sum, change) => sum + change[key], 0);
}

function charge(room: { lines: number; bytes: number }, hunks: readonly DiffHunk[]): void {
  for (const { lines } of hunks) {
    room.lines -= lines.length;
    for (const line of lines) room.bytes -= line.content.length;
  }
  if (room.lines < 0 || room.bytes < 0) {
    throw new AppError('PAYLOAD_TOO_LARGE', {
      message: `The diff has more than ${MAX_DIFF_LINES} lines or ${MAX_DIFF_BYTES} bytes of text.`,
    });
  }
}
