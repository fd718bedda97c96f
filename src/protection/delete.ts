import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { selectRules } from '../refs/index.js';
import { lockRepository } from '../repos/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { findRule } from './read.js';
import { deleteRule } from './store.js';
import { ruleFacts } from './view.js';

/** Lifts a rule. @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, NOT_FOUND when there is no rule of this pattern */
export async function deleteProtection(
  tx: Tx,
  call: SignedCall,
  { repoId, pattern }: { repoId: string; pattern: string },
): Promise<WorkResult> {
  const repo = await lockRepository(tx, repoId);
  await requireRole(tx, repo, call.principal.agentId, 'admin', 'ADMIN_REQUIRED');
  const rule = findRule(await selectRules(tx, repoId), repoId, pattern);
  await deleteRule(tx, repoId, rule);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'protection_delete',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, pattern, previous: ruleFacts(rule) },
  });
  return { status: 200, data: { repoId, pattern, action: 'deleted' } };
}
