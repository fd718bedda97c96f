import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { findDelivery, insertRedelivery } from './delivery-store.js';
import { existingWebhook, managedRepository } from './manage.js';
import { deliveryView } from './view.js';

/**
 * Sends an event once more, whatever became of the first delivery: as a delivery of its own, so both stay visible.
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, NOT_FOUND
 */
export async function redeliver(
  tx: Tx,
  call: SignedCall,
  { repoId, webhookId, deliveryId }: { repoId: string; webhookId: string; deliveryId: string },
): Promise<WorkResult> {
  await managedRepository(tx, repoId, call.principal.agentId);
  await existingWebhook(tx, repoId, webhookId);
  const old = await findDelivery(tx, webhookId, deliveryId);
  if (old === undefined) {
    throw new AppError('NOT_FOUND', { message: 'No such delivery.', details: { webhookId, deliveryId } });
  }
  const fresh = await insertRedelivery(tx, old);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'webhook_redeliver',
    resourceType: 'webhook',
    resourceId: webhookId,
    data: { webhook_id: webhookId, repo_id: repoId, delivery_id: fresh.deliveryId, redelivery_of: old.deliveryId },
  });
  return { status: 202, data: deliveryView(fresh) };
}
