/** Starts a node: database, object store, engine, HTTP, background work; and ends it in the opposite order. */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type Logger, pino } from 'pino';
import { type Config, ConfigError } from './config.js';
import type { AppContext, FaultPoint } from './context.js';
import { migrate, openDatabase, startEmbeddedPostgres } from './db/index.js';
import { endEventStreams } from './events/index.js';
import { createApp, listen } from './http/index.js';
import { startJobs } from './jobs/index.js';
import { createMetrics, type Metrics } from './metrics.js';
import { listensToOutbox } from './outbox/index.js';
import { createPackEngine, PackCache, Spool } from './packs/index.js';
import { openObjectStore } from './storage/index.js';

/** How long requests in flight may go on after the signal to stop: a push of gigabytes should still arrive. */
const DRAIN_MS = 60_000;

export interface RunningServer {
  /** Address to dial. */
  url: string;
  /** Where things are, in words for the operator. */
  places: { database: string; objects: string };
  /** Stops accepting, drains, and stops the database if this process started it. */
  stop(): Promise<void>;
}

export interface StartOptions {
  log?: Logger;
  /** Called at named places of a push, so that tests can kill the process there. */
  faultPoint?: (point: FaultPoint) => Promise<void>;
}

/**
 * Starts a node.
 * @throws Error with one printable line when something it needs is not there; what was started is stopped again
 */
export async function startServer(given: Config, options: StartOptions = {}): Promise<RunningServer> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await start(given, options, closers, stop);
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}

async function start(
  given: Config,
  options: StartOptions,
  closers: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<RunningServer> {
  const config = { ...given, PORT: given.PORT === 0 ? await freePort(given.HOST) : given.PORT };
  const log = options.log ?? pino({ level: config.logLevel });
  const dataDir = resolve(config.GITCLAW_DATA_DIR);
  await mkdir(dataDir, { recursive: true }).catch((cause: unknown) => {
    throw new ConfigError(`GITCLAW_DATA_DIR ${dataDir} cannot be created`, { cause });
  });

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
  else await db.check();

  const metrics = createMetrics();
  const objects = await openObjectStore(config, { operation: storageObserver(metrics) }, log);
  closers.push(() => objects.close());
  await objects.check();

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
  const listening = await listen(ctx, createApp(ctx)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EADDRINUSE')
      throw new ConfigError(`PORT ${config.PORT} on ${config.HOST} is in use by another program`, { cause });
    throw new ConfigError(`HOST ${config.HOST} and PORT ${config.PORT} cannot be listened on (${cause.code})`, {
      cause,
    });
  });
  const jobs = startJobs(ctx);
  closers.push(() => jobs.stop());
  closers.push(() => listening.close(DRAIN_MS));
  // First of all, because a stream of events is a request in flight that never ends by itself.
  closers.push(async () => endEventStreams(ctx));
  return {
    url: listening.url,
    places: {
      database: config.DATABASE_URL === undefined ? `embedded Postgres in ${dataDir}` : 'Postgres of DATABASE_URL',
      objects: config.s3 === undefined ? `files in ${dataDir}` : `S3 bucket ${config.s3.bucket}`,
    },
    stop,
  };
}

function storageObserver(metrics: Metrics) {
  return (operation: string, seconds: number, error?: string): void => {
    metrics.storageRequests.inc({ operation });
    metrics.storageSeconds.observe({ operation }, seconds);
    if (error !== undefined) metrics.storageErrors.inc({ operation, error_type: error });
  };
}

/** Asks the system for a port, so that it is known before anything is built on it. */
function freePort(host: string): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
