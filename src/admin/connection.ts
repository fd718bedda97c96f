/** Whether database and object store agree about a repository. */
import type { AppContext } from '../context.js';
import type { Queryable } from '../db/index.js';
import { repositoryPrefix } from '../storage/index.js';
import { selectConnection } from './reconcile-store.js';

/**
 * `connected`: nothing is wrong, which includes a repository that was never pushed to, and a prefix whose repository is
 * gone but whose packs forks still use. A prefix whose repository was deleted and whose removal is due counts as gone. `db_only`: packs are known, nothing is stored. `storage_only`: the other way
 * round. `absent`: neither.
 */
export type Connection = 'connected' | 'db_only' | 'storage_only' | 'absent';

/** Ids that can be first-level names in the object store; they need not be UUIDs in an old database. */
const REPO_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/** Where the health check looks; never a repository. */
export const PROBE_PREFIX = '__health_check__';

export function isRepositoryId(name: string): boolean {
  return REPO_ID.test(name) && name !== PROBE_PREFIX;
}

export async function connectionOf(ctx: AppContext, db: Queryable, repoId: string): Promise<Connection> {
  if (!isRepositoryId(repoId)) return 'absent';
  const { exists, hasPacks, isShared, isLeaving } = await selectConnection(db, repoId);
  const stored = await hasObjects(ctx, repoId);
  if (exists) return stored || !hasPacks ? 'connected' : 'db_only';
  if (!stored || isLeaving) return 'absent';
  return isShared ? 'connected' : 'storage_only';
}

async function hasObjects(ctx: AppContext, repoId: string): Promise<boolean> {
  for await (const _ of ctx.objects.list(repositoryPrefix(repoId))) return true;
  return false;
}
