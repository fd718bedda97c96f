import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, isStorable, type WorkResult } from '../routing/index.js';
import { assertRole, decideRole } from './role.js';
import { deleteRole, findManaged } from './store.js';

/**
 * Takes an agent's role away; nothing to take is a success too, recorded with `rows_affected: 0`.
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, ACCESS_DENIED when the target is the owner, AGENT_NOT_FOUND when the
 * target cannot be an id
 */
export async function revokeAccess(
  tx: Tx,
  call: SignedCall,
  { repoId, targetAgentId }: { repoId: string; targetAgentId: string },
): Promise<WorkResult> {
  if (!isStorable(targetAgentId)) throw new AppError('AGENT_NOT_FOUND');
  const callerId = call.principal.agentId;
  const repo = await findManaged(tx, repoId, callerId, targetAgentId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  const held = assertRole(repo, decideRole(repo, callerId, repo.granted), 'admin', 'ADMIN_REQUIRED');
  if (targetAgentId === repo.ownerId) {
    throw new AppError('ACCESS_DENIED', {
      message: 'The owner of a repository keeps its access.',
      details: { repoId, requiredRole: 'admin', currentRole: held },
    });
  }
  const rows = await deleteRole(tx, repoId, targetAgentId);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'access_revoke',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, target_agent_id: targetAgentId, rows_affected: rows },
  });
  return { status: 200, data: { repoId, agentId: targetAgentId, role: null, action: 'revoked' } };
}
