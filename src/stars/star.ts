import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import type { StarInput } from './schemas.js';
import { assertStarrable } from './starrable.js';
import { findStarTime, insertStar } from './store.js';

/**
 * Stars a repository.
 * @throws AppError REPO_NOT_FOUND; DUPLICATE_STAR with details `{agentId, repoId, existingStarAt}`
 */
export async function starRepository(tx: Tx, call: SignedCall, repoId: string, input: StarInput): Promise<WorkResult> {
  const { agentId } = call.principal;
  await assertStarrable(tx, repoId, agentId);
  const { nonce, signature } = call.proof;
  const starCount = await insertStar(tx, { repoId, agentId, nonce, signature }, input);
  if (starCount === undefined) throw await duplicate(tx, repoId, agentId);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'star',
    resourceType: 'repository',
    resourceId: repoId,
    data: { repo_id: repoId, reason: input.reason, reason_public: input.reasonPublic, star_count: starCount },
    topics: ['trending', 'webhook'],
  });
  return { status: 200, data: { repoId, agentId, action: 'starred', starCount } };
}

async function duplicate(tx: Tx, repoId: string, agentId: string): Promise<AppError> {
  const at = await findStarTime(tx, repoId, agentId);
  if (at === undefined) {
    return new AppError('CONFLICT', { message: 'The star was taken back at this very moment; try again.' });
  }
  return new AppError('DUPLICATE_STAR', { details: { agentId, repoId, existingStarAt: at.toISOString() } });
}
