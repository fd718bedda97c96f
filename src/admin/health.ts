/** Health of what a node depends on, for operators. */
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { PROBE_PREFIX } from './connection.js';
import { countConnections, countOutbox } from './health-store.js';

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** A component that does not answer within this time is down, milliseconds. */
const PROBE_MS = 5000;

const POOL_DEGRADED = 0.9;
const PENDING_DEGRADED = 1000;
const AGE_DEGRADED_SECS = 3600;

/** Every component, and the worst of them. */
export async function getHealth(ctx: AppContext) {
  const [database, objectStorage, outbox] = await Promise.all([
    databaseHealth(ctx),
    storageHealth(ctx),
    outboxHealth(ctx),
  ]);
  const status = worst([database.status, objectStorage.status, outbox.status]);
  return { status, overall: status, database, objectStorage, outbox, checkedAt: ctx.clock.now().toISOString() };
}

async function databaseHealth(ctx: AppContext) {
  const max = ctx.config.DATABASE_MAX_CONNECTIONS;
  const { latencyMs, error } = await probe(ctx, 'database', () => ctx.db.check());
  const counted = error === null ? await probe(ctx, 'database', () => countConnections(ctx.db)) : undefined;
  const { active, idle } = counted?.value ?? { active: 0, idle: 0 };
  const status: HealthStatus =
    error !== null ? 'unhealthy' : active > max * POOL_DEGRADED || counted?.error ? 'degraded' : 'healthy';
  return {
    status,
    activeConnections: active,
    idleConnections: idle,
    maxConnections: max,
    poolSize: max,
    latencyMs,
    error: error ?? counted?.error ?? null,
  };
}

async function storageHealth(ctx: AppContext) {
  const { latencyMs, error } = await probe(ctx, 'object storage', async () => {
    for await (const _ of ctx.objects.list(`${PROBE_PREFIX}/`)) break;
  });
  const status: HealthStatus = error === null ? 'healthy' : 'unhealthy';
  const bucketAccessible = error === null;
  const bucket = ctx.config.s3?.bucket ?? null;
  return { status, bucketAccessible, accessible: bucketAccessible, bucket, latencyMs, error };
}

async function outboxHealth(ctx: AppContext) {
  const { value, error } = await probe(ctx, 'outbox', () => countOutbox(ctx.db));
  const { pending, processing, dead, oldestPendingAge } = value ?? {
    pending: 0,
    processing: 0,
    dead: 0,
    oldestPendingAge: null,
  };
  const late = pending > PENDING_DEGRADED || (oldestPendingAge ?? 0) > AGE_DEGRADED_SECS;
  const status: HealthStatus = error !== null || dead > 0 ? 'unhealthy' : late ? 'degraded' : 'healthy';
  return {
    status,
    pendingCount: pending,
    processingCount: processing,
    deadCount: dead,
    failedCount: dead,
    oldestPendingAgeSeconds: oldestPendingAge,
    oldestPendingAge,
    error,
  };
}

/** Runs a check within {@link PROBE_MS}; a failure is told by its code, and in full to the log. */
async function probe<T>(
  ctx: AppContext,
  component: string,
  check: () => Promise<T>,
): Promise<{ latencyMs: number; error: string | null; value?: T }> {
  const started = performance.now();
  const latencyMs = () => Math.round((performance.now() - started) * 10) / 10;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PROBE_MS} ms`)), PROBE_MS);
  });
  try {
    const value = await Promise.race([check(), tooLate]);
    return { latencyMs: latencyMs(), error: null, value };
  } catch (error) {
    ctx.log.warn({ component, err: error }, 'health check failed');
    const text = error instanceof AppError ? `${error.code}: ${error.message}` : `no answer within ${PROBE_MS} ms`;
    return { latencyMs: latencyMs(), error: text };
  } finally {
    clearTimeout(timer);
  }
}

function worst(all: readonly HealthStatus[]): HealthStatus {
  return (['unhealthy', 'degraded'] as const).find((status) => all.includes(status)) ?? 'healthy';
}
