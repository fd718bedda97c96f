/** Starts a node: database, object store, engine, HTTP, background work; and ends it in the opposite order. */
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { startCi } from './ci/index.js';
import type { Config } from './config.js';
import { endEventStreams } from './events/index.js';
import { beginDraining, createApp, listen } from './http/index.js';
import { IdleCollector } from './idle-collector.js';
import { startJobs } from './jobs/index.js';
import { type Closers, closeAll, openNode, type StartOptions } from './open.js';

export type { StartOptions } from './open.js';

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

/**
 * Starts a node.
 * @throws Error with one printable line when something it needs is not there; what was started is stopped again
 */
export async function startServer(given: Config, options: StartOptions = {}): Promise<RunningServer> {
  const closers: Closers = [];
  const stop = () => closeAll(closers);
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
  closers: Closers,
  stop: () => Promise<void>,
): Promise<RunningServer> {
  const config = { ...given, PORT: given.PORT === 0 ? await freePort(given.HOST) : given.PORT };
  const ctx = await openNode(config, options, closers);
  const listening = await listen(ctx, createApp(ctx));
  const jobs = startJobs(ctx);
  closers.push(() => jobs.stop());
  const ci = startCi(ctx);
  closers.push(() => ci.stop());
  closers.push(() => listening.close(DRAIN_MS));
  // Before requests in flight are waited for, because a stream of events is one that never ends by itself.
  closers.push(async () => endEventStreams(ctx));
  closers.push(() => beginDraining(ctx));
  // Half of the heap is garbage of the start by now.
  new IdleCollector().soon();
  return {
    url: listening.url,
    places: {
      database:
        config.DATABASE_URL === undefined
          ? `embedded Postgres in ${resolve(config.GITCLAW_DATA_DIR)}`
          : 'Postgres of DATABASE_URL',
      objects:
        config.s3 === undefined ? `files in ${resolve(config.GITCLAW_DATA_DIR)}` : `S3 bucket ${config.s3.bucket}`,
    },
    stop,
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
