/** Finding `.gitclaw-ci.yml` in a commit. */
import { readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { isSymlink, isTree } from '../git/mode.js';
import { treeEntries } from '../git/objects/index.js';
import type { Oid } from '../git/oid.js';
import { CONFIG_FILE } from '../pulls/index.js';
import { type CiConfig, parseConfig, unreadable } from './config-file.js';

export type LoadedConfig =
  | { kind: 'none' }
  | { kind: 'config'; config: CiConfig }
  /** `why` is a whole sentence. */
  | { kind: 'unreadable'; why: string };

/** What the root of a commit says. @param commit graph position in the snapshot */
export async function loadConfig(ctx: AppContext, snapshot: Snapshot, commit: number): Promise<LoadedConfig> {
  const oid = snapshot.graph.tree(commit);
  const tree = await readObject(ctx, snapshot, oid);
  const entry = tree && treeEntries(tree.data).find(({ name }) => name === CONFIG_FILE);
  if (entry === undefined) return { kind: 'none' };
  try {
    return { kind: 'config', config: await readConfigFile(ctx, snapshot, entry) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'INVALID_CI_CONFIG') throw error;
    return { kind: 'unreadable', why: error.message };
  }
}

async function readConfigFile(
  ctx: AppContext,
  snapshot: Snapshot,
  { mode, oid }: { mode: number; oid: Oid },
): Promise<CiConfig> {
  if (isTree(mode)) throw unreadable('it is a folder');
  if (isSymlink(mode)) throw unreadable('it is a symbolic link');
  const blob = await readObject(ctx, snapshot, oid).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'PAYLOAD_TOO_LARGE') throw unreadable('it is too large');
    throw error;
  });
  if (blob?.type !== 'blob') throw unreadable('it is not a file');
  return parseConfig(blob.data);
}
