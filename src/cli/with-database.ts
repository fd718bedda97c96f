/** Commands of operators that work on the database itself. */
import type { Database } from '../db/index.js';
import type { Cli } from './cli.js';

const SILENT = { debug: () => {}, warn: () => {} };

type DatabaseRoom = typeof import('../db/index.js');

/**
 * Calls `work` with the address of the configured database; the embedded one is started for as long as it takes.
 * @param shared whether the embedded one of a running node will do: not where the node must not see what happens
 */
export async function withDatabaseUrl(
  cli: Cli,
  work: (room: DatabaseRoom, url: string) => Promise<void>,
  shared = false,
): Promise<void> {
  const { readConfig, withEnvFile } = await import('../config.js');
  const room = await import('../db/index.js');
  const config = readConfig(withEnvFile(cli.env, cli.cwd));
  if (config.DATABASE_URL !== undefined) return work(room, config.DATABASE_URL);
  const running = shared ? await room.findRunningPostgres(config.GITCLAW_DATA_DIR) : undefined;
  if (running !== undefined) return work(room, running);
  const embedded = await room.startEmbeddedPostgres({ dataDir: config.GITCLAW_DATA_DIR, log: SILENT });
  try {
    await work(room, embedded.url);
  } finally {
    await embedded.stop();
  }
}

/** The same with a pool, which is closed afterwards. A node may run meanwhile. */
export function withDatabase(cli: Cli, work: (db: Database) => Promise<void>): Promise<void> {
  const pooled = async (room: DatabaseRoom, url: string) => {
    const db = room.openDatabase({ url, maxConnections: 4 });
    try {
      await db.check();
      await work(db);
    } finally {
      await db.close();
    }
  };
  return withDatabaseUrl(cli, pooled, true);
}
