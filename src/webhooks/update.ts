import type { z } from 'zod';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { newSecret } from './create.js';
import { checkUrl, existingWebhook, managedRepository } from './manage.js';
import type { updateBody } from './schemas.js';
import { updateWebhookRow } from './store.js';
import { webhookFacts, webhookView } from './view.js';

/**
 * Changes a webhook. Deliveries under way go to the new URL at their next attempt. `secret` is null unless it was rotated.
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, NOT_FOUND, VALIDATION_ERROR for a URL that must not be called
 */
export async function updateWebhook(
  tx: Tx,
  call: SignedCall,
  where: { repoId: string; webhookId: string; allowPrivate: boolean },
  changes: z.output<typeof updateBody>,
): Promise<WorkResult> {
  await managedRepository(tx, where.repoId, call.principal.agentId);
  const old = await existingWebhook(tx, where.repoId, where.webhookId);
  const secret = changes.rotateSecret ? newSecret() : null;
  const hook = await updateWebhookRow(tx, {
    ...old,
    url: changes.url == null ? old.url : checkUrl(changes.url, where.allowPrivate),
    events: changes.events ?? old.events,
    active: changes.active ?? old.active,
    secret: secret ?? old.secret,
  });
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'webhook_update',
    resourceType: 'webhook',
    resourceId: hook.webhookId,
    data: { ...webhookFacts(hook), secret_rotated: secret !== null, previous: webhookFacts(old) },
  });
  return { status: 200, data: { ...webhookView(hook), secret } };
}
