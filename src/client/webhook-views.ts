/** What the server tells of webhooks and checkpoints. Times are RFC 3339 in UTC. */
export type WebhookEventName =
  | 'push'
  | 'pr_opened'
  | 'pr_reviewed'
  | 'pr_merged'
  | 'pr_closed'
  | 'ci_completed'
  | 'star';

export interface WebhookView {
  webhookId: string;
  repoId: string;
  url: string;
  events: WebhookEventName[];
  active: boolean;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
}

export interface NewWebhookView extends WebhookView {
  /** Null unless it was made by this call. */
  secret: string | null;
}

export interface WebhookListView {
  repoId: string;
  webhooks: WebhookView[];
  nextCursor: string | null;
}

export interface DeliveryView {
  deliveryId: string;
  webhookId: string;
  event: WebhookEventName;
  eventId: string;
  status: 'pending' | 'sending' | 'delivered' | 'dead_letter';
  attempts: number;
  nextAttemptAt: string | null;
  responseStatus: number | null;
  responseBody: string | null;
  error: string | null;
  durationMs: number | null;
  redeliveryOf: string | null;
  createdAt: string;
  deliveredAt: string | null;
}

export interface DeliveryListView {
  repoId: string;
  webhookId: string;
  deliveries: DeliveryView[];
  nextCursor: string | null;
}

export interface CheckpointListView {
  publicKey: string;
  checkpoints: { number: number; payload: string; signature: string }[];
  nextCursor: string | null;
}
