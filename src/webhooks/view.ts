import type { z } from 'zod';
import type { Delivery } from './delivery-store.js';
import type { deliveryObject, webhookObject } from './schemas.js';
import type { Webhook } from './store.js';

/** A webhook as it leaves: without its secret. */
export function webhookView({ secret: _secret, ...hook }: Webhook): z.output<typeof webhookObject> {
  return { ...hook, createdAt: hook.createdAt.toISOString(), updatedAt: hook.updatedAt.toISOString() };
}

export function deliveryView(delivery: Delivery): z.output<typeof deliveryObject> {
  const { availableAt, createdMicros: _key, ...rest } = delivery;
  return {
    ...rest,
    nextAttemptAt: delivery.status === 'pending' ? availableAt.toISOString() : null,
    createdAt: delivery.createdAt.toISOString(),
    deliveredAt: delivery.deliveredAt?.toISOString() ?? null,
  };
}

/**
 * A webhook in an audit row. Rows of public repositories are public, and the path of a URL is often a password, so only
 * its origin stands there.
 */
export function webhookFacts({ webhookId, repoId, url, events, active }: Webhook) {
  return { webhook_id: webhookId, repo_id: repoId, origin: new URL(url).origin, events, active };
}
