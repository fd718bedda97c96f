/** Webhooks, and the checkpoints of the audit log. */
import { at } from './caller.js';
import { CiCalls } from './ci.js';
import type {
  CheckpointListView,
  DeliveryListView,
  DeliveryView,
  NewWebhookView,
  WebhookEventName,
  WebhookListView,
  WebhookView,
} from './webhook-views.js';

export class WebhookCalls extends CiCalls {
  /** Subscribes to events; the answer alone holds the secret that signs deliveries. */
  createWebhook(
    repoId: string,
    hook: { url: string; events: WebhookEventName[]; active?: boolean },
  ): Promise<NewWebhookView & { secret: string }> {
    const body = { repoId, url: hook.url, events: hook.events, active: hook.active ?? true };
    return this.request('POST', at`/v1/repos/${repoId}/webhooks`, { action: 'webhook_create', body });
  }

  listWebhooks(repoId: string): Promise<WebhookListView> {
    return this.request('GET', at`/v1/repos/${repoId}/webhooks`, { action: 'webhook_list', body: { repoId } });
  }

  getWebhook(repoId: string, webhookId: string): Promise<WebhookView> {
    const body = { repoId, webhookId };
    return this.request('GET', at`/v1/repos/${repoId}/webhooks/${webhookId}`, { action: 'webhook_get', body });
  }

  /** What is left out stays; `rotateSecret` makes a new secret, which the answer holds. */
  updateWebhook(
    repoId: string,
    webhookId: string,
    changes: { url?: string; events?: WebhookEventName[]; active?: boolean; rotateSecret?: boolean },
  ): Promise<NewWebhookView> {
    const { url = null, events = null, active = null, rotateSecret = false } = changes;
    const body = { repoId, webhookId, url, events, active, rotateSecret };
    return this.request('PATCH', at`/v1/repos/${repoId}/webhooks/${webhookId}`, { action: 'webhook_update', body });
  }

  deleteWebhook(repoId: string, webhookId: string): Promise<{ repoId: string; webhookId: string; action: 'deleted' }> {
    const body = { repoId, webhookId };
    return this.request('DELETE', at`/v1/repos/${repoId}/webhooks/${webhookId}`, { action: 'webhook_delete', body });
  }

  /** Deliveries of the last seven days, newest first. */
  listDeliveries(repoId: string, webhookId: string): Promise<DeliveryListView> {
    const path = at`/v1/repos/${repoId}/webhooks/${webhookId}/deliveries`;
    return this.request('GET', path, { action: 'webhook_list', body: { repoId, webhookId } });
  }

  /** Sends an event once more, as a delivery of its own. */
  redeliver(repoId: string, webhookId: string, deliveryId: string): Promise<DeliveryView> {
    const path = at`/v1/repos/${repoId}/webhooks/${webhookId}/deliveries/${deliveryId}/redeliver`;
    return this.request('POST', path, { action: 'webhook_redeliver', body: { repoId, webhookId, deliveryId } });
  }

  /** The server's signed statements about the ends of the audit chains, oldest first. */
  listCheckpoints(cursor?: string): Promise<CheckpointListView> {
    return this.request('GET', '/v1/audit/checkpoints', { query: { cursor } });
  }
}
