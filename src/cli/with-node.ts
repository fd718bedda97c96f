/** Commands of operators that need everything a node needs: database, object store, engine. */
import type { AppContext } from '../context.js';
import type { Closers } from '../open.js';
import type { Cli } from './cli.js';

/**
 * Calls `work` with the parts of a node as the environment configures it, which are closed afterwards. The schema is left
 * as it is. Nodes may run meanwhile, also one with the embedded database.
 */
export async function withNode(cli: Cli, work: (ctx: AppContext) => Promise<void>): Promise<void> {
  const { readConfig, withEnvFile } = await import('../config.js');
  const { closeAll, openNode } = await import('../open.js');
  const { findRunningPostgres } = await import('../db/index.js');
  const { pino } = await import('pino');
  const given = readConfig(withEnvFile(cli.env, cli.cwd));
  const config = {
    ...given,
    DATABASE_URL: given.DATABASE_URL ?? (await findRunningPostgres(given.GITCLAW_DATA_DIR)),
    DATABASE_MIGRATE_ON_START: false,
    // The folder may be in the hands of a node.
    GITCLAW_CACHE_ENABLED: false,
  };
  const closers: Closers = [];
  try {
    await work(await openNode(config, { log: pino({ level: 'silent' }) }, closers));
  } finally {
    await closeAll(closers);
  }
}
