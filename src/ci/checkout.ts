/** The files of a commit as a tar stream, read from the object store; git itself and its folder are not part of it. */
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { isGitlink, isSymlink, isTree } from '../git/mode.js';
import { treeEntries } from '../git/objects/index.js';
import type { Oid } from '../git/oid.js';
import type { PinnedPack } from '../packs/index.js';
import { positionOf } from '../pulls/index.js';
import { SandboxError } from './drivers/contract.js';
import { TAR_END, tarEntry } from './tar.js';

/** Deeper folders, and more of them, are made to hurt, not to be built. */
const MAX_DEPTH = 256;
const MAX_ENTRIES = 200_000;
const MAX_PATH_BYTES = 4096;
/** Files read at the same time. */
const READS = 8;
const EXECUTABLE = 0o100;

/**
 * Streams a commit as `git archive` would lay it out: modes are 644, 755 or symbolic links, submodules empty folders.
 * The packs it needs stay on the local disk until the stream ends.
 * @param maxBytes of all files
 * @throws SandboxError when the commit is too large or cannot be laid out safely
 */
export async function* checkoutTar(
  ctx: AppContext,
  { repoId, commitSha }: { repoId: string; commitSha: Oid },
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const snapshot = await loadSnapshot(ctx, repoId);
  const root = snapshot.graph.tree(positionOf(snapshot, commitSha));
  const packs: PinnedPack[] = [];
  try {
    // Newest first, as the engine wants them.
    for (const { storedIn, hash } of snapshot.packs.toReversed()) packs.push(await ctx.packCache.pin(storedIn, hash));
    yield* new Walk(ctx, packs, maxBytes).folder(root, Buffer.alloc(0), 0);
    yield TAR_END;
  } finally {
    for (const pack of packs) pack.release();
  }
}

interface Item {
  mode: number;
  oid: Oid;
  path: Buffer;
}

class Walk {
  #entries = 0;
  #bytes = 0;

  constructor(
    readonly ctx: AppContext,
    readonly packs: PinnedPack[],
    readonly maxBytes: number,
  ) {}

  async *folder(tree: Oid, parent: Buffer, depth: number): AsyncGenerator<Buffer> {
    if (depth >= MAX_DEPTH) throw new SandboxError(`Folders of the commit are nested deeper than ${MAX_DEPTH}.`);
    const object = await this.ctx.engine.read(this.packs, tree);
    // Only the empty tree may be missing.
    const items = object === undefined ? [] : this.#items(object.data, parent);
    for (let at = 0; at < items.length; at += READS) {
      const group = items.slice(at, at + READS);
      const contents = await Promise.all(group.map((item) => this.#content(item)));
      for (const [index, item] of group.entries()) yield* this.#entry(item, contents[index], depth);
    }
  }

  async *#entry({ mode, oid, path }: Item, data: Uint8Array | undefined, depth: number): AsyncGenerator<Buffer> {
    if (data === undefined) {
      yield tarEntry({ kind: 'folder', path });
      if (isTree(mode)) yield* this.folder(oid, path, depth + 1);
    } else if (isSymlink(mode)) yield tarEntry({ kind: 'link', path, target: linkTarget(data) });
    else yield tarEntry({ kind: 'file', path, data, executable: (mode & EXECUTABLE) !== 0 });
  }

  #items(tree: Uint8Array, parent: Buffer): Item[] {
    const entries = treeEntries(tree);
    this.#entries += entries.length;
    if (this.#entries > MAX_ENTRIES) throw new SandboxError(`The commit has more than ${MAX_ENTRIES} files.`);
    return entries.map(({ mode, bytes, oid }) => {
      const path = parent.length === 0 ? bytes : Buffer.concat([parent, Buffer.from('/'), bytes]);
      if (!isSafeName(bytes) || path.length > MAX_PATH_BYTES) {
        throw new SandboxError(
          `The commit has a path that cannot be checked out: ${JSON.stringify(path.toString().slice(0, 200))}.`,
        );
      }
      return { mode, oid, path };
    });
  }

  /** Undefined for folders, and for what a submodule names: it belongs to another repository. */
  async #content({ mode, oid, path }: Item): Promise<Uint8Array | undefined> {
    if (isTree(mode) || isGitlink(mode)) return undefined;
    const blob = await this.ctx.engine.read(this.packs, oid).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'PAYLOAD_TOO_LARGE') throw error;
      throw new SandboxError(`The file ${path.toString()} is larger than 64 MiB.`);
    });
    if (blob === undefined) throw new AppError('OBJECT_CORRUPTED', { message: `The object ${oid} is missing.` });
    this.#bytes += blob.data.length;
    if (this.#bytes > this.maxBytes) throw new SandboxError('The commit is larger than the disk that the run may use.');
    return blob.data;
  }
}

/** Pushes refuse such names already; this guards against trees that are older than that check. */
function isSafeName(name: Buffer): boolean {
  const text = name.toString('latin1');
  return text !== '' && text !== '.' && text !== '..' && text.toLowerCase() !== '.git' && !/[/\0]/.test(text);
}

function linkTarget(data: Uint8Array): Buffer {
  const target = Buffer.from(data);
  if (target.length === 0 || target.length > MAX_PATH_BYTES || target.includes(0)) {
    throw new SandboxError('The commit has a symbolic link without a usable target.');
  }
  return target;
}
