/** Bodies and answers of the admin API. */
import { z } from 'zod';
import { text } from '../routing/index.js';

/** Longer passwords only cost time to hash. */
const MAX_PASSWORD = 1024;
const MAX_REASON = 1000;

export const loginBody = z.object({ username: text.max(256), password: z.string().max(MAX_PASSWORD) });

export const suspendBody = z.object({
  reason: text
    .max(MAX_REASON)
    .nullish()
    .transform((value) => value ?? null),
});

export const reconnectBody = z
  .object({
    ownerId: text.min(1).max(64).optional(),
    ownerName: text.min(1).max(128).optional(),
    name: text,
    visibility: z
      .enum(['public', 'private'])
      .nullish()
      .transform((value) => value ?? 'private'),
  })
  .refine((body) => body.ownerId !== undefined || body.ownerName !== undefined, {
    message: 'ownerId or ownerName is needed',
    path: ['ownerId'],
  });

export type ReconnectInput = z.output<typeof reconnectBody>;

const time = z.iso.datetime();
const count = z.int().min(0);
const id = z.string();
const visibility = z.enum(['public', 'private']);
const status = z.enum(['healthy', 'degraded', 'unhealthy']);

export const loginData = z.object({ token: z.uuid(), expiresAt: time });
export const messageData = z.object({ message: z.string() });
export const agentMessage = z.object({ message: z.string(), agentId: id });
export const repoMessage = z.object({ message: z.string(), repoId: id });

export const statsData = z.object({
  totalAgents: count,
  totalRepos: count,
  totalStars: count,
  pullRequests: z.object({ open: count, merged: count, closed: count }),
  ciRuns: z.object({ pending: count, running: count, passed: count, failed: count }),
  suspendedAgents: count,
});

export const agentData = z.object({
  agentId: id,
  agentName: z.string(),
  publicKey: z.string(),
  capabilities: z.array(z.string()),
  createdAt: time,
  suspended: z.boolean(),
  suspendedAt: time.nullable(),
  suspendedReason: z.string().nullable(),
  reputationScore: z.number().min(0).max(1),
  repoCount: count,
  prCount: count,
  reviewCount: count,
});

export const repoData = z.object({
  repoId: id,
  name: z.string(),
  ownerId: id,
  ownerName: z.string(),
  description: z.string().nullable(),
  visibility,
  defaultBranch: z.string(),
  createdAt: time,
  starCount: count,
  prCount: count,
  ciRunCount: count,
  objectCount: count,
  totalSizeBytes: count,
});

const eventData = z.object({
  eventId: z.uuid(),
  agentId: z.string(),
  action: z.string(),
  resourceType: z.string(),
  resourceId: z.string(),
  data: z.record(z.string(), z.unknown()),
  timestamp: time,
  signature: z.string(),
});

export const pageData = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), total: count, page: count.min(1), perPage: count.min(1), totalPages: count.min(1) });

export const auditData = pageData(eventData).extend({ hasMore: z.boolean() });

const disconnected = z.object({
  repoId: id,
  disconnectionType: z.enum(['db_only', 'storage_only']),
  dbMetadata: z.object({ name: z.string(), ownerId: id, visibility, createdAt: time }).nullable(),
  storageMetadata: z
    .object({
      objectCount: count,
      totalSizeBytes: count,
      oldestObjectAt: time.nullable(),
      newestObjectAt: time.nullable(),
    })
    .nullable(),
  detectedAt: time,
  name: z.string().nullable(),
  ownerName: z.string().nullable(),
  createdAt: time.nullable(),
  objectCount: count.nullable(),
  totalSizeBytes: count.nullable(),
});

export const reconcileData = z.object({
  dbOnlyRepos: z.array(disconnected),
  storageOnlyRepos: z.array(disconnected),
  totalDisconnected: count,
  scannedAt: time,
});

export const healthData = z.object({
  status,
  overall: status,
  database: z.object({
    status,
    activeConnections: count,
    idleConnections: count,
    maxConnections: count,
    poolSize: count,
    latencyMs: z.number(),
    error: z.string().nullable(),
  }),
  objectStorage: z.object({
    status,
    bucketAccessible: z.boolean(),
    accessible: z.boolean(),
    bucket: z.string().nullable(),
    latencyMs: z.number(),
    error: z.string().nullable(),
  }),
  outbox: z.object({
    status,
    pendingCount: count,
    processingCount: count,
    deadCount: count,
    failedCount: count,
    oldestPendingAgeSeconds: count.nullable(),
    oldestPendingAge: count.nullable(),
    error: z.string().nullable(),
  }),
  checkedAt: time,
});

/** A row of the outbox. */
export const outboxData = z.object({
  outboxId: z.string(),
  eventId: z.guid(),
  topic: z.string(),
  status: z.enum(['pending', 'processing', 'processed', 'dead_letter']),
  attempts: z.int(),
  lastError: z.string().nullable(),
  availableAt: z.iso.datetime({ precision: 3 }),
  createdAt: z.iso.datetime({ precision: 3 }),
  processedAt: z.iso.datetime({ precision: 3 }).nullable(),
  action: z.string(),
  resourceType: z.string(),
  resourceId: z.string(),
});

export const outboxMessage = z.object({ message: z.string(), outboxId: z.string() });
