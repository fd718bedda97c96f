import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { existingWebhook, managedRepository } from './manage.js';
import { deleteWebhookRow } from './store.js';
import { webhookFacts } from './view.js';

/** Removes a webhook with its deliveries. @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, NOT_FOUND */
export async function deleteWebhook(
  tx: Tx,
  call: SignedCall,
  { repoId, webhookId }: { repoId: string; webhookId: string },
): Promise<WorkResult> {
  await managedRepository(tx, repoId, call.principal.agentId);
  const hook = await existingWebhook(tx, repoId, webhookId);
  await deleteWebhookRow(tx, webhookId);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'webhook_delete',
    resourceType: 'webhook',
    resourceId: webhookId,
    data: webhookFacts(hook),
  });
  return { status: 200, data: { repoId, webhookId, action: 'deleted' } };
}
