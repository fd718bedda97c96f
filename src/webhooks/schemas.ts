import { z } from 'zod';
import { text } from '../routing/index.js';
import { MAX_URL_LENGTH } from './destination.js';

/** What a webhook can be told of, and the audit action behind each. */
export const EVENT_ACTIONS = {
  push: 'push',
  pr_opened: 'pr_create',
  pr_reviewed: 'pr_review',
  pr_merged: 'pr_merge',
  pr_closed: 'pr_close',
  ci_completed: 'ci_completed',
  star: 'star',
} as const;

export type WebhookEvent = keyof typeof EVENT_ACTIONS;

export const EVENTS = Object.keys(EVENT_ACTIONS) as [WebhookEvent, ...WebhookEvent[]];

const url = text.min(1).max(MAX_URL_LENGTH);
const events = z
  .array(z.enum(EVENTS))
  .min(1)
  .max(EVENTS.length)
  .transform((names) => EVENTS.filter((name) => names.includes(name)));

/** Signed body of a creation. */
export const createBody = z.object({
  url,
  events,
  active: z
    .boolean()
    .nullish()
    .transform((value) => value ?? true),
});

/** Signed body of a change; what is absent or null stays. */
export const updateBody = z.object({
  url: url.nullish(),
  events: events.nullish(),
  active: z.boolean().nullish(),
  /** True = a new secret, which the answer shows. */
  rotateSecret: z.boolean().nullish(),
});

const time = z.iso.datetime({ precision: 3 });

/** A webhook as it leaves. */
export const webhookObject = z.object({
  webhookId: z.string(),
  repoId: z.string(),
  url: z.string(),
  events: z.array(z.enum(EVENTS)),
  active: z.boolean(),
  createdBy: z.string(),
  createdAt: time,
  updatedAt: time,
});

/** With the secret, which is shown when it is made and never again. */
export const webhookWithSecret = webhookObject.extend({ secret: z.string().nullable() });

export const STATUSES = ['pending', 'sending', 'delivered', 'dead_letter'] as const;

export const deliveryObject = z.object({
  deliveryId: z.string(),
  webhookId: z.string(),
  event: z.enum(EVENTS),
  eventId: z.guid(),
  status: z.enum(STATUSES),
  attempts: z.int(),
  /** Null unless another attempt is due. */
  nextAttemptAt: time.nullable(),
  responseStatus: z.int().nullable(),
  responseBody: z.string().nullable(),
  error: z.string().nullable(),
  durationMs: z.int().nullable(),
  redeliveryOf: z.string().nullable(),
  createdAt: time,
  deliveredAt: time.nullable(),
});
