/** SQL of subscriptions. */
import { asDatabaseError, type Queryable, type Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';
import type { WebhookEvent } from './schemas.js';

export interface Webhook {
  webhookId: string;
  repoId: string;
  url: string;
  secret: string;
  events: WebhookEvent[];
  active: boolean;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
}

function columns({ sql }: Queryable) {
  return sql`webhook_id AS "webhookId", repo_id AS "repoId", url, secret, events, active, created_by AS "createdBy",
    created_at AS "createdAt", updated_at AS "updatedAt"`;
}

/** All webhooks of a repository, oldest first. @throws AppError DATABASE_ERROR */
export async function selectWebhooks(db: Queryable, repoId: string): Promise<Webhook[]> {
  try {
    return await db.sql<Webhook[]>`
      SELECT ${columns(db)} FROM webhooks WHERE repo_id = ${repoId} ORDER BY created_at, webhook_id`;
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/** @throws AppError DATABASE_ERROR */
export async function findWebhook(db: Queryable, repoId: string, webhookId: string): Promise<Webhook | undefined> {
  if (!isStorable(webhookId)) return undefined;
  try {
    const [row] = await db.sql<Webhook[]>`
      SELECT ${columns(db)} FROM webhooks WHERE repo_id = ${repoId} AND webhook_id = ${webhookId}`;
    return row;
  } catch (error) {
    throw asDatabaseError(error);
  }
}

export async function insertWebhook(tx: Tx, hook: Omit<Webhook, 'createdAt' | 'updatedAt'>): Promise<Webhook> {
  const [row] = await tx.sql<[Webhook]>`
    INSERT INTO webhooks (webhook_id, repo_id, url, secret, events, active, created_by)
    VALUES (${hook.webhookId}, ${hook.repoId}, ${hook.url}, ${hook.secret}, ${JSON.stringify(hook.events)}::jsonb,
      ${hook.active}, ${hook.createdBy})
    RETURNING ${columns(tx)}`;
  return row;
}

export async function updateWebhookRow(tx: Tx, hook: Webhook): Promise<Webhook> {
  const [row] = await tx.sql<[Webhook]>`
    UPDATE webhooks SET url = ${hook.url}, secret = ${hook.secret}, events = ${JSON.stringify(hook.events)}::jsonb,
      active = ${hook.active}, updated_at = now()
    WHERE webhook_id = ${hook.webhookId} RETURNING ${columns(tx)}`;
  return row;
}

export async function deleteWebhookRow(tx: Tx, webhookId: string): Promise<void> {
  await tx.sql`DELETE FROM webhooks WHERE webhook_id = ${webhookId}`;
}
