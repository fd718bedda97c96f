import { requireRole } from '../access/index.js';
import type { Database } from '../db/index.js';
import { AppError } from '../errors.js';
import { type ProtectionRule, selectRules } from '../refs/index.js';
import { findRepositoryById } from '../repos/index.js';

/** Rules as an admin of the repository may read them. @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED */
export async function readRules(db: Database, repoId: string, agentId: string): Promise<ProtectionRule[]> {
  const repo = await findRepositoryById(db, repoId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  await requireRole(db, repo, agentId, 'admin', 'ADMIN_REQUIRED');
  return selectRules(db, repoId);
}

/** @throws AppError NOT_FOUND */
export function findRule(rules: readonly ProtectionRule[], repoId: string, pattern: string): ProtectionRule {
  const rule = rules.find((one) => one.pattern === pattern);
  if (rule !== undefined) return rule;
  throw new AppError('NOT_FOUND', { message: 'No protection rule has this pattern.', details: { repoId, pattern } });
}
