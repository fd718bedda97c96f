/** Removing what is left of a disconnected repository. */
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { lockRepository, removeRepository } from '../repos/index.js';
import { repositoryPrefix } from '../storage/index.js';
import { connectionOf, isRepositoryId } from './connection.js';
import { lockRepositoryId } from './reconcile-store.js';
import { noRepo } from './repos.js';
import { type AdminSession, adminEvent } from './session.js';

/**
 * Deletes the rows of a repository whose objects are gone (`db`), or the objects of one whose rows are gone
 * (`storage`).
 * @throws AppError INVALID_TYPE; REPO_NOT_FOUND when there is nothing of that kind; NOT_ORPHANED when both sides exist;
 *   MIGRATION_IN_PROGRESS
 */
export async function removeOrphaned(ctx: AppContext, session: AdminSession, repoId: string, type: string | undefined) {
  if (type !== 'db' && type !== 'storage') throw new AppError('INVALID_TYPE');
  if (!isRepositoryId(repoId)) throw noRepo(repoId);
  return type === 'db' ? removeRows(ctx, session, repoId) : removeObjects(ctx, session, repoId);
}

async function removeRows(ctx: AppContext, session: AdminSession, repoId: string) {
  await ctx.db.transaction(async (tx) => {
    await lockRepositoryId(tx, repoId);
    const connection = await connectionOf(ctx, tx, repoId);
    if (connection === 'connected') throw new AppError('NOT_ORPHANED', { details: { repoId } });
    if (connection !== 'db_only') throw noRepo(repoId);
    const repo = await lockRepository(tx, repoId);
    await removeRepository(tx, repo);
    const data = { admin_id: session.username, repo_name: repo.name, owner_id: repo.ownerId };
    await appendAudit(tx, adminEvent(session, 'admin_delete_orphaned_db', 'repository', repoId, data));
  });
  return { message: 'The record of the repository is deleted.', repoId };
}

/** The objects go inside the transaction: its lock keeps another operator from reconnecting them at the same time. */
async function removeObjects(ctx: AppContext, session: AdminSession, repoId: string) {
  await ctx.db.transaction(async (tx) => {
    await lockRepositoryId(tx, repoId);
    const connection = await connectionOf(ctx, tx, repoId);
    if (connection === 'absent') throw noRepo(repoId);
    if (connection !== 'storage_only') throw new AppError('NOT_ORPHANED', { details: { repoId } });
    const removed = await ctx.objects.deletePrefix(repositoryPrefix(repoId));
    const data = { admin_id: session.username, object_count: removed };
    const event = adminEvent(session, 'admin_delete_orphaned_storage', 'repository', repoId, data);
    await appendAudit(tx, event);
  });
  return { message: 'The stored objects are deleted.', repoId };
}
