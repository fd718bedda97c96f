import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { assertRole, decideRole, type Role } from './role.js';
import { findManaged, upsertRole } from './store.js';

export interface GrantInput {
  repoId: string;
  targetAgentId: string;
  role: Role;
}

/**
 * Gives an agent a role, or changes the one it has.
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, AGENT_NOT_FOUND, ACCESS_DENIED for taking admin from the owner
 */
export async function grantAccess(tx: Tx, call: SignedCall, input: GrantInput): Promise<WorkResult> {
  const { repoId, targetAgentId, role } = input;
  const callerId = call.principal.agentId;
  const repo = await findManaged(tx, repoId, callerId, targetAgentId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  const held = decideRole(repo, callerId, repo.granted);
  assertRole(repo, held, 'admin', 'ADMIN_REQUIRED');
  if (!repo.targetExists) throw new AppError('AGENT_NOT_FOUND', { details: { agentId: targetAgentId } });
  if (targetAgentId === repo.ownerId && role !== 'admin') {
    throw new AppError('ACCESS_DENIED', {
      message: 'The owner of a repository is always its admin.',
      details: { repoId, requiredRole: 'admin', currentRole: held ?? null },
    });
  }
  await upsertRole(tx, repoId, targetAgentId, role);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'access_grant',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, target_agent_id: targetAgentId, role },
  });
  return { status: 200, data: { repoId, agentId: targetAgentId, role, action: 'granted' } };
}
