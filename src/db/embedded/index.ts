/** A Postgres of our own below the data dir, for nodes without DATABASE_URL. It listens on the loopback address only. */
import { access, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openClient } from '../client.js';
import { DatabaseStartError } from '../errors.js';
import { findBinaries } from './binaries.js';
import { clusterPath, ensureCluster } from './cluster.js';
import { findLauncher } from './launcher.js';
import { lockDataDir } from './lock.js';
import { DATABASE, urlOf } from './running.js';
import { awaitOrphan, type EmbeddedLog, startServer } from './server.js';
import { socketPath } from './socket.js';

export { findRunningPostgres } from './running.js';

export interface EmbeddedOptions {
  /** GITCLAW_DATA_DIR; made when missing. */
  dataDir: string;
  /** Hears what the server says; unset = nobody does. */
  log?: EmbeddedLog;
  /** Server settings beyond the defaults, such as `max_connections`. */
  settings?: Record<string, string>;
}

export interface EmbeddedPostgres {
  /** `postgres://` URL, over a Unix socket (`host`) where there is one, with a password that only the data dir holds; differs from start to start. */
  url: string;
  stop(): Promise<void>;
}

const SILENT: EmbeddedLog = { debug: () => {}, warn: () => {} };

/**
 * Starts the embedded Postgres; the first time it also makes the database. It ends with this process, even a killed one.
 * @throws DatabaseStartError with one line, also when another process uses the data dir
 */
export async function startEmbeddedPostgres({
  dataDir,
  log = SILENT,
  settings = {},
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const folder = resolve(dataDir);
  const binaries = await findBinaries();
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new DatabaseStartError(`${folder} cannot be made: ${error.code} (GITCLAW_DATA_DIR)`, { cause: error });
  });
  const release = await lockDataDir(folder);
  try {
    const launcher = await findLauncher(folder);
    const password = await ensureCluster(folder, binaries, launcher);
    await awaitOrphan(clusterPath(folder));
    const server = await startServer(clusterPath(folder), binaries, launcher, settings, log);
    try {
      await ensureDatabase(urlOf(server.port, password, 'postgres'));
    } catch (error) {
      await server.stop();
      throw error;
    }
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= server.stop().finally(release);
      return stopping;
    };
    const url = new URL(urlOf(server.port, password));
    const isThere = await access(socketPath(clusterPath(folder), server.port)).then(
      () => true,
      () => false,
    );
    if (isThere) url.searchParams.set('host', clusterPath(folder));
    return { url: url.href, stop };
  } catch (error) {
    await release();
    throw error;
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const sql = openClient(url, { max: 1 });
  try {
    const found = await sql`SELECT 1 FROM pg_database WHERE datname = ${DATABASE}`;
    if (found.length === 0) await sql`CREATE DATABASE ${sql(DATABASE)}`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
