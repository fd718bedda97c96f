import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { selectRules } from '../refs/index.js';
import { lockRepository } from '../repos/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import type { RuleInput } from './schemas.js';
import { upsertRule } from './store.js';
import { ruleFacts, ruleView } from './view.js';

/** Every rule is tried on every branch of a push. */
export const MAX_RULES = 100;

/**
 * Makes a rule or replaces the one of this pattern. Pushes in flight are waited for; later ones meet the new rule.
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, CONFLICT at the limit of rules
 */
export async function setProtection(
  tx: Tx,
  call: SignedCall,
  { repoId, pattern, rule }: { repoId: string; pattern: string; rule: RuleInput },
): Promise<WorkResult> {
  const repo = await lockRepository(tx, repoId);
  await requireRole(tx, repo, call.principal.agentId, 'admin', 'ADMIN_REQUIRED');
  const rules = await selectRules(tx, repoId);
  const previous = rules.find((one) => one.pattern === pattern);
  if (previous === undefined && rules.length >= MAX_RULES) {
    throw new AppError('CONFLICT', {
      message: `A repository has at most ${MAX_RULES} protection rules.`,
      details: { repoId, limit: MAX_RULES },
    });
  }
  const createdAt = await upsertRule(tx, repoId, pattern, rule);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'protection_set',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, pattern, rule: ruleFacts(rule), previous: previous ? ruleFacts(previous) : null },
  });
  return { status: 200, data: { repoId, ...ruleView({ pattern, ...rule, createdAt }) } };
}
