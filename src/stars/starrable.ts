import { effectiveRole } from '../access/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { findRepositoryById } from '../repos/index.js';

/** Stars are given to what one can read. @throws AppError REPO_NOT_FOUND, also for a private one the agent may not read */
export async function assertStarrable(tx: Tx, repoId: string, agentId: string): Promise<void> {
  const repo = await findRepositoryById(tx, repoId);
  if (repo !== undefined && (await effectiveRole(tx, repo, agentId)) !== undefined) return;
  throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
}
