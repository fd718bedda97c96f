/** Postgres: connections, transactions, tables, migrations, and the Postgres that GitClaw brings along. */
export type { SqlClient } from './client.js';
export { commitLater } from './commit-later.js';
export {
  type Database,
  type DatabaseOptions,
  openDatabase,
  type Queryable,
  type Tx,
} from './database.js';
export {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  findRunningPostgres,
  startEmbeddedPostgres,
} from './embedded/index.js';
export {
  asDatabaseError,
  DatabaseStartError,
  describeDatabaseError,
  isForeignKeyViolation,
  isUniqueViolation,
} from './errors.js';
export {
  isMigrated,
  type MigrationInfo,
  type MigrationTarget,
  migrate,
  migrationInfo,
  requireMigrated,
  revertLast,
} from './migrate.js';
export * from './schema/index.js';
