import { randomBytes, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { checkUrl, managedRepository } from './manage.js';
import type { createBody } from './schemas.js';
import { insertWebhook, selectWebhooks } from './store.js';
import { webhookFacts, webhookView } from './view.js';

/** Every event of a repository is sent to each of them. */
export const MAX_WEBHOOKS = 20;

/** A new signing secret, 256 random bits. */
export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64url')}`;
}

/**
 * Subscribes to events of a repository. The answer holds the secret, and no later one does.
 * @throws AppError REPO_NOT_FOUND, ADMIN_REQUIRED, VALIDATION_ERROR for a URL that must not be called, CONFLICT at the limit
 */
export async function createWebhook(
  tx: Tx,
  call: SignedCall,
  { repoId, allowPrivate, ...input }: z.output<typeof createBody> & { repoId: string; allowPrivate: boolean },
): Promise<WorkResult> {
  const { agentId } = call.principal;
  await managedRepository(tx, repoId, agentId);
  const url = checkUrl(input.url, allowPrivate);
  if ((await selectWebhooks(tx, repoId)).length >= MAX_WEBHOOKS) {
    throw new AppError('CONFLICT', {
      message: `A repository has at most ${MAX_WEBHOOKS} webhooks.`,
      details: { repoId, limit: MAX_WEBHOOKS },
    });
  }
  const secret = newSecret();
  const { events, active } = input;
  const hook = await insertWebhook(tx, {
    ...{ webhookId: randomUUID(), repoId, url, secret, events, active, createdBy: agentId },
  });
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'webhook_create',
    resourceType: 'webhook',
    resourceId: hook.webhookId,
    data: webhookFacts(hook),
  });
  return { status: 201, data: { ...webhookView(hook), secret } };
}
