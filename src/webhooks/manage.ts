/** What every managing call checks first. */
import { requireRole } from '../access/index.js';
import type { Queryable, Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { findRepositoryById, lockRepository, type Repository } from '../repos/index.js';
import { ForbiddenDestination, parseDestination } from './destination.js';
import { findWebhook, type Webhook } from './store.js';

/** The repository of a change, locked. @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED */
export async function managedRepository(tx: Tx, repoId: string, agentId: string): Promise<Repository> {
  const repo = await lockRepository(tx, repoId);
  await requireRole(tx, repo, agentId, 'admin', 'ADMIN_REQUIRED');
  return repo;
}

/** For reads: nothing is locked. @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED */
export async function requireManager(db: Queryable, repoId: string, agentId: string): Promise<void> {
  const repo = await findRepositoryById(db, repoId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  await requireRole(db, repo, agentId, 'admin', 'ADMIN_REQUIRED');
}

/** @throws AppError NOT_FOUND */
export async function existingWebhook(db: Queryable, repoId: string, webhookId: string): Promise<Webhook> {
  const hook = await findWebhook(db, repoId, webhookId);
  if (hook !== undefined) return hook;
  throw new AppError('NOT_FOUND', { message: 'No such webhook.', details: { repoId, webhookId } });
}

/** The URL as it is stored. @throws AppError VALIDATION_ERROR that says what is wrong with it */
export function checkUrl(text: string, allowPrivate: boolean): string {
  try {
    return parseDestination(text, allowPrivate).href;
  } catch (error) {
    if (!(error instanceof ForbiddenDestination)) throw error;
    throw new AppError('VALIDATION_ERROR', {
      message: `url: ${error.message}`,
      details: { issues: [{ path: 'url', message: error.message }] },
    });
  }
}
