import { locateAll, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { isGitlink, isSymlink, isTree, MODES, packOids, type TreeEntry } from '../git/index.js';
import type { Repository } from '../repos/index.js';
import { findPath, nothingAt, readTree, trimPath } from './path.js';
import { resolveRevision } from './revision.js';
import type { EntryView, TreeView } from './schemas.js';

/** Entries of one answer; about 20 MB of JSON. Whoever keeps larger directories needs a clone to work in them. */
export const MAX_ENTRIES = 100_000;

/**
 * The entries of one directory in git's order.
 * @throws AppError REF_NOT_FOUND; NOT_FOUND when the path is no directory; PAYLOAD_TOO_LARGE above {@link MAX_ENTRIES}
 */
export async function listTree(
  ctx: AppContext,
  repo: Repository,
  input: { ref: string | undefined; path: string },
): Promise<TreeView> {
  const path = trimPath(input.path);
  const { ref, snapshot, commit } = await resolveRevision(ctx, repo, input.ref);
  if (commit === undefined) return path === '' ? { ref, path, entries: [] } : nothingAt(path);
  const found = await findPath(ctx, snapshot, snapshot.graph.tree(commit), path);
  if (found === undefined) return nothingAt(path);
  if (!isTree(found.mode)) return nothingAt(path, 'The path is no directory.');
  const entries = await readTree(ctx, snapshot, found.oid);
  if (entries.length > MAX_ENTRIES) {
    throw new AppError('PAYLOAD_TOO_LARGE', {
      message: `The directory has more than ${MAX_ENTRIES} entries; clone the repository to read it.`,
      details: { entries: entries.length, maxEntries: MAX_ENTRIES },
    });
  }
  const sizes = await sizesOf(ctx, snapshot, entries);
  const above = path === '' ? '' : `${path}/`;
  return { ref, path, entries: entries.map((entry, i) => view(entry, above, sizes[i])) };
}

/** Sizes of files from the sidecars of packs, so that no blob is read. */
async function sizesOf(ctx: AppContext, snapshot: Snapshot, entries: readonly TreeEntry[]): Promise<(number | null)[]> {
  const located = await locateAll(ctx, snapshot, packOids(entries.map((entry) => entry.oid)));
  return entries.map(({ mode }, i) => (isTree(mode) || isGitlink(mode) ? null : (located[i]?.size ?? null)));
}

function view({ name, mode, oid }: TreeEntry, above: string, size: number | null | undefined): EntryView {
  return {
    name,
    path: `${above}${name}`,
    type: isTree(mode) ? 'directory' : 'file',
    size: size ?? null,
    mode: canonical(mode).toString(8).padStart(6, '0'),
    oid,
  };
}

/** Old histories hold other permission bits; git shows only whether a file is executable. */
function canonical(mode: number): number {
  if (isTree(mode)) return MODES.tree;
  if (isSymlink(mode)) return MODES.symlink;
  if (isGitlink(mode)) return MODES.gitlink;
  return (mode & 0o100) === 0 ? MODES.file : MODES.executable;
}
