/** Opens what every process of a deployment works with: database, object store, engine and caches. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type Config, ConfigError } from './config.js';
import type { AppContext, FaultPoint } from './context.js';
import { migrate, openDatabase, requireMigrated, startEmbeddedPostgres } from './db/index.js';
import { createMetrics, type Metrics } from './metrics.js';
import { listensToOutbox } from './outbox/index.js';
import { createPackEngine, PackCache, Spool } from './packs/index.js';
import { scavengeAlone } from './scavenges.js';
import { describeStorageError, openObjectStore } from './storage/index.js';
import { createLog, openTracing, recordSpan } from './telemetry/index.js';
import { tracedDatabase, tracedEngine, tracedFaultPoint, tracedObjects } from './traced.js';

export interface StartOptions {
  log?: Logger;
  /** Called at named places of a push, so that tests can kill the process there. */
  faultPoint?: (point: FaultPoint) => Promise<void>;
}

/** What to call, from last to first, to close what was opened. */
export type Closers = (() => Promise<unknown>)[];

/**
 * Most connections to the embedded Postgres. It serves one node on the same machine, and each connection is a process
 * of some 25 MiB.
 */
const EMBEDDED_CONNECTIONS = 5;

/**
 * Opens the parts of a node.
 * @param closers filled as parts are opened, also when a later one fails
 * @throws Error with one printable line when something it needs is not there
 */
export async function openNode(given: Config, options: StartOptions, closers: Closers): Promise<AppContext> {
  scavengeAlone();
  const config = withEmbeddedLimits(given);
  const log = options.log ?? createLog(config);
  const dataDir = resolve(config.GITCLAW_DATA_DIR);
  await mkdir(dataDir, { recursive: true }).catch((cause: unknown) => {
    throw new ConfigError(`GITCLAW_DATA_DIR ${dataDir} cannot be created`, { cause });
  });

  const tracing = await openTracing(config, log);
  if (tracing !== undefined) closers.push(() => tracing.close());
  let url = config.DATABASE_URL;
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir, log });
    closers.push(() => embedded.stop());
    url = embedded.url;
  }
  // The outbox listens on a connection beside the pool.
  const pool = config.DATABASE_MAX_CONNECTIONS - (listensToOutbox(config) ? 1 : 0);
  const db = openDatabase({ url, maxConnections: pool });
  closers.push(() => db.close());
  if (config.DATABASE_MIGRATE_ON_START) await migrate(db);
  else await requireMigrated(db);

  const metrics = createMetrics(() => db.poolState());
  const unusable = (cause: unknown): never => {
    const line = describeStorageError(cause, config);
    throw line === undefined ? cause : new ConfigError(line, { cause });
  };
  const objects = await openObjectStore(config, { operation: storageObserver(metrics) }, log).catch(unusable);
  closers.push(() => objects.close());
  await objects.check().catch(unusable);

  const spool = await Spool.open(dataDir);
  closers.push(() => spool.close());
  const packCache = await PackCache.open({
    store: objects,
    dir: config.GITCLAW_CACHE_ENABLED ? resolve(config.GITCLAW_CACHE_DIR) : join(spool.folder, 'packs'),
    maxBytes: config.GITCLAW_MAX_CACHE_SIZE_BYTES,
    persistent: config.GITCLAW_CACHE_ENABLED,
    metrics,
    log,
  });
  const engine = createPackEngine();
  closers.push(() => engine.close());

  const ctx: AppContext = {
    config,
    db,
    objects,
    engine,
    packCache,
    spool,
    clock: { now: () => new Date() },
    log,
    metrics,
    faultPoint: options.faultPoint ?? (async () => {}),
  };
  if (tracing === undefined) return ctx;
  return {
    ...ctx,
    tracing,
    db: tracedDatabase(db),
    objects: tracedObjects(objects),
    engine: tracedEngine(engine),
    faultPoint: tracedFaultPoint(ctx.faultPoint),
  };
}

/** The configuration as it counts: a node with the embedded Postgres opens few connections, whatever it may. */
export function withEmbeddedLimits(config: Config): Config {
  if (config.DATABASE_URL !== undefined) return config;
  return { ...config, DATABASE_MAX_CONNECTIONS: Math.min(config.DATABASE_MAX_CONNECTIONS, EMBEDDED_CONNECTIONS) };
}

function storageObserver(metrics: Metrics) {
  return (operation: string, seconds: number, error?: string): void => {
    metrics.storageRequests.inc({ operation });
    metrics.storageSeconds.observe({ operation }, seconds);
    if (error !== undefined) metrics.storageErrors.inc({ operation, error_type: error });
    recordSpan(`s3.${operation}`, seconds, {}, error);
  };
}

/** Calls the closers from last to first. */
export async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}
