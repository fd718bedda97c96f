import { locate, readObject } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { asBuffer, isGitlink, isTree, utf8OrUndefined } from '../git/index.js';
import type { Repository } from '../repos/index.js';
import { findPath, nothingAt, trimPath } from './path.js';
import { resolveRevision } from './revision.js';
import type { ContentsView } from './schemas.js';

/** Largest file shown as JSON, bytes: it lies in memory several times on its way out. */
export const MAX_CONTENT_BYTES = 10 * 1024 * 1024;

/**
 * One file; of a symbolic link its target.
 * @throws AppError REF_NOT_FOUND; NOT_FOUND for directories, submodules and where nothing is; PAYLOAD_TOO_LARGE above
 *   {@link MAX_CONTENT_BYTES}
 */
export async function readContents(
  ctx: AppContext,
  repo: Repository,
  input: { ref: string | undefined; path: string },
): Promise<ContentsView> {
  const path = trimPath(input.path);
  const { ref, snapshot, commit } = await resolveRevision(ctx, repo, input.ref);
  if (commit === undefined) return nothingAt(path);
  const found = await findPath(ctx, snapshot, snapshot.graph.tree(commit), path);
  if (found === undefined) return nothingAt(path);
  if (isTree(found.mode)) return nothingAt(path, 'The path is a directory.');
  if (isGitlink(found.mode)) return nothingAt(path, 'The path is a submodule; its files are in another repository.');
  const { oid } = found;
  const size = (await locate(ctx, snapshot, oid))?.size ?? Number.POSITIVE_INFINITY;
  if (size > MAX_CONTENT_BYTES) {
    throw new AppError('PAYLOAD_TOO_LARGE', {
      message: `The file is larger than ${MAX_CONTENT_BYTES} bytes; fetch it with git.`,
      details: { path: path.slice(0, 1024), maxBytes: MAX_CONTENT_BYTES, ...(Number.isFinite(size) && { size }) },
    });
  }
  const blob = await readObject(ctx, snapshot, oid);
  if (blob?.type !== 'blob') throw new AppError('OBJECT_CORRUPTED', { details: { oid } });
  return { path, ref, ...encode(asBuffer(blob.data)), size: blob.data.length, oid };
}

/** As text where it is text; NUL is what git itself goes by. */
function encode(bytes: Buffer): Pick<ContentsView, 'encoding' | 'content'> {
  const text = bytes.includes(0) ? undefined : utf8OrUndefined(bytes);
  if (text !== undefined) return { encoding: 'utf-8', content: text };
  return { encoding: 'base64', content: bytes.toString('base64') };
}
