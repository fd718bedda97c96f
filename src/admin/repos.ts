/** What an operator sees of repositories, and their removal. */
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { forgetRepository, lockRepository, removeRepository } from '../repos/index.js';
import { paging } from '../routing/index.js';
import { pageOf, searchText } from './paging.js';
import { countContents, findRepoDetails, type RepoDetails, searchRepoDetails } from './repo-store.js';
import { type AdminSession, adminEvent } from './session.js';

/** A page of repositories, newest first. @throws AppError INVALID_PAGINATION, VALIDATION_ERROR */
export async function listRepos(ctx: AppContext, query: URLSearchParams) {
  const page = paging(query);
  const { rows, total } = await searchRepoDetails(ctx.db, searchText(query), page);
  return pageOf(rows.map(view), total, page);
}

/** @throws AppError REPO_NOT_FOUND */
export async function getRepo(ctx: AppContext, repoId: string) {
  const repo = await findRepoDetails(ctx.db, repoId);
  if (repo === undefined) throw noRepo(repoId);
  return view(repo);
}

/**
 * Deletes a repository; what is stored for it goes in the background, moments later. Its audit events stay.
 * @throws AppError REPO_NOT_FOUND, MIGRATION_IN_PROGRESS
 */
export async function removeRepo(ctx: AppContext, session: AdminSession, repoId: string) {
  await ctx.db.transaction(async (tx) => {
    const repo = await lockRepository(tx, repoId);
    const data = {
      admin_id: session.username,
      repo_name: repo.name,
      owner_id: repo.ownerId,
      visibility: repo.visibility,
      deleted_counts: await countContents(tx, repoId),
    };
    await removeRepository(tx, repo);
    await appendAudit(tx, adminEvent(session, 'admin_delete_repo', 'repository', repoId, data));
  });
  await forgetRepository(ctx, repoId);
  return { message: 'The repository is deleted.', repoId };
}

export function noRepo(repoId: string): AppError {
  return new AppError('REPO_NOT_FOUND', { details: { repoId } });
}

function view(repo: RepoDetails) {
  return { ...repo, createdAt: repo.createdAt.toISOString() };
}
