import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../config.js';
import {
  type Database,
  DatabaseStartError,
  describeDatabaseError,
  findRunningPostgres,
  migrationInfo,
  openDatabase,
  startEmbeddedPostgres,
} from '../db/index.js';
import { type Examination, type Finding, fail, firstLine, ok, warn } from './contract.js';
import { examineKeys } from './keys.js';

/** Signatures are judged by the database's clock and live for minutes. */
const SKEW_WARN_MS = 2_000;
const SKEW_FAIL_MS = 30_000;
const MIGRATE = 'run `gitclaw migrate run`';

export const database: Examination = {
  subject: 'Postgres',
  async run({ config }) {
    if (config.DATABASE_URL !== undefined)
      return examine(config, config.DATABASE_URL, new URL(config.DATABASE_URL).host || 'socket');
    const folder = resolve(config.GITCLAW_DATA_DIR);
    const exists = await access(join(folder, 'postgres')).then(
      () => true,
      () => false,
    );
    const running = await findRunningPostgres(folder);
    if (running !== undefined) return examine(config, running, 'embedded, of the node that runs');
    if (!exists) return [ok('Postgres', `embedded; it will be made in ${folder}`)];
    let embedded: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
    try {
      embedded = await startEmbeddedPostgres({ dataDir: folder });
    } catch (error) {
      const detail = firstLine(error);
      return detail.includes('is in use by another GitClaw')
        ? [warn('Postgres', `embedded, and in use: ${detail}`, 'ask again when the node has started, or stop it')]
        : [fail('Postgres', detail, 'set DATABASE_URL to use a Postgres of your own')];
    }
    try {
      return await examine(config, embedded.url, 'embedded');
    } finally {
      await embedded.stop();
    }
  },
};

/** @param place where the server is, in words */
async function examine(config: Config, url: string, place: string): Promise<Finding[]> {
  const db = openDatabase({ url, maxConnections: 2 });
  try {
    const findings = [await examineServer(db, config, place)];
    findings.push(await examineClock(db));
    const schema = await examineSchema(db, config);
    findings.push(schema);
    if (schema.status === 'ok') findings.push(...(await examineKeys(db)));
    return findings;
  } catch (error) {
    const detail = describeDatabaseError(error, url);
    return [
      fail('Postgres', detail, 'check that Postgres runs there, and user, password and database of DATABASE_URL'),
    ];
  } finally {
    await db.close().catch(() => {});
  }
}

async function examineServer(db: Database, config: Config, place: string): Promise<Finding> {
  const [row] = await db.sql<[{ version: string; max: string }]>`
    SELECT current_setting('server_version') AS version, current_setting('max_connections') AS max`;
  const detail = `${row.version} (${place}), ${row.max} connections`;
  if (config.DATABASE_MAX_CONNECTIONS < Number(row.max)) return ok('Postgres', detail);
  const hint = `lower DATABASE_MAX_CONNECTIONS (${config.DATABASE_MAX_CONNECTIONS} per node) or raise max_connections`;
  return warn('Postgres', detail, hint);
}

async function examineClock(db: Database): Promise<Finding> {
  const before = Date.now();
  const [row] = await db.sql<[{ now: number }]>`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`;
  // The answer is of some moment in between.
  const after = Date.now();
  const skew = row.now < before ? row.now - before : Math.max(0, row.now - after);
  const detail = `database ${Math.abs(Math.round(skew))} ms ${skew < 0 ? 'behind' : 'ahead of'} this machine`;
  const hint = 'set both clocks by a time server: signatures are judged by the clock of the database';
  if (Math.abs(skew) > SKEW_FAIL_MS) return fail('clocks', detail, hint);
  return Math.abs(skew) > SKEW_WARN_MS ? warn('clocks', detail, hint) : ok('clocks', detail);
}

async function examineSchema(db: Database, config: Config): Promise<Finding> {
  const [row] = await db.sql<[{ known: boolean }]>`
    SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS known`;
  const willMigrate = config.DATABASE_MIGRATE_ON_START;
  const due = (detail: string) =>
    willMigrate
      ? warn('schema', `${detail}; the next start of a node applies it`, MIGRATE)
      : fail('schema', `${detail}, and DATABASE_MIGRATE_ON_START is off`, MIGRATE);
  if (!row.known) return due('there is none yet');
  try {
    const all = await migrationInfo(db);
    const missing = all.filter((one) => !one.applied).length;
    if (missing > 0) return due(`${missing} of ${all.length} migrations are missing`);
    return ok('schema', `all ${all.length} migrations are applied`);
  } catch (error) {
    if (!(error instanceof DatabaseStartError)) throw error;
    return fail('schema', error.message, 'run the GitClaw that made this schema, or a newer one');
  }
}
