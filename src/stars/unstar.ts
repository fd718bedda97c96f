import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { assertStarrable } from './starrable.js';
import { deleteStar } from './store.js';

/** Takes a star back. @throws AppError REPO_NOT_FOUND, NO_EXISTING_STAR */
export async function unstarRepository(tx: Tx, call: SignedCall, repoId: string): Promise<WorkResult> {
  const { agentId } = call.principal;
  await assertStarrable(tx, repoId, agentId);
  const { nonce, signature } = call.proof;
  const starCount = await deleteStar(tx, { repoId, agentId, nonce, signature });
  if (starCount === undefined) throw new AppError('NO_EXISTING_STAR', { details: { agentId, repoId } });
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'unstar',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, star_count: starCount },
    topics: ['trending'],
  });
  return { status: 200, data: { repoId, agentId, action: 'unstarred', starCount } };
}
