/**
 * Applies drizzle/*.sql, recorded in drizzle's own table, so that `npx drizzle-kit migrate` and this agree.
 * drizzle's migrator takes no lock; two nodes that start together would collide, so the loop is written out here.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type postgres from 'postgres';
import { openClient, type PooledClient } from './client.js';
import type { Queryable } from './database.js';
import { asDatabaseError, DatabaseStartError, describeDatabaseError } from './errors.js';

/** Beside `src/` and beside `dist/`. */
const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Any fixed number; the same for all nodes. */
const LOCK = 4_702_111;

/** The oldest Postgres whose SQL the migrations use. */
const OLDEST_SERVER = 15;

/** A URL, or an open database whose connections are used. */
export type MigrationTarget = string | { readonly sql: PooledClient };

export interface MigrationInfo {
  /** File name without `.sql`. */
  name: string;
  applied: boolean;
}

interface Migration {
  tag: string;
  when: number;
  hash: string;
  sql: string[];
}

/**
 * Applies what is missing, all in one transaction.
 * @returns tags of the migrations applied now
 * @throws DatabaseStartError when the database cannot be reached, is older than Postgres 15, or is newer than this build
 */
export async function migrate(target: MigrationTarget): Promise<string[]> {
  return inLock(target, async (tx, applied) => {
    const pending = (await readMigrations()).filter((migration) => !applied.includes(migration.when));
    for (const migration of pending) {
      for (const statement of migration.sql) await tx.unsafe(statement);
      await tx`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES (${migration.hash}, ${migration.when})`;
    }
    return pending.map((migration) => migration.tag);
  });
}

/**
 * Makes sure that the schema is that of this build, and changes nothing: for nodes that may not.
 * @throws DatabaseStartError when migrations are missing, when the database is newer than this build, or as {@link migrate}
 */
export async function requireMigrated({ sql }: { readonly sql: PooledClient }): Promise<void> {
  try {
    const [row] = await sql<[{ known: boolean }]>`
      SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS known`;
    const applied = row.known
      ? await sql<{ created_at: number }[]>`SELECT created_at FROM drizzle.__drizzle_migrations`
      : [];
    const done = applied.map((one) => one.created_at);
    await refuseNewerDatabase(done);
    const missing = (await readMigrations()).filter(({ when }) => !done.includes(when)).length;
    if (missing === 0) return;
    throw new DatabaseStartError(
      `The database lacks ${missing} migration(s) of this build: run \`gitclaw migrate run\``,
    );
  } catch (error) {
    if (error instanceof DatabaseStartError) throw error;
    const url = `postgres://${sql.options.host[0]}:${sql.options.port[0]}`;
    throw new DatabaseStartError(describeDatabaseError(error, url), { cause: error });
  }
}

/** All migrations of this build in order, and whether the database has them. @throws DatabaseStartError as {@link migrate} */
export async function migrationInfo(target: MigrationTarget): Promise<MigrationInfo[]> {
  return inLock(target, async (_tx, applied) =>
    (await readMigrations()).map(({ tag, when }) => ({ name: tag, applied: applied.includes(when) })),
  );
}

/**
 * Undoes the newest applied migration with its file in drizzle/down.
 * @returns its tag, or undefined when none is applied
 * @throws DatabaseStartError as {@link migrate}
 */
export async function revertLast(target: MigrationTarget): Promise<string | undefined> {
  return inLock(target, async (tx, applied) => {
    const last = (await readMigrations()).findLast((migration) => applied.includes(migration.when));
    if (last === undefined) return undefined;
    await tx.unsafe(await readFile(`${FOLDER}/down/${last.tag}.sql`, 'utf8'));
    await tx`DELETE FROM drizzle.__drizzle_migrations WHERE created_at = ${last.when}`;
    return last.tag;
  });
}

/**
 * Whether the database has every migration of this build, asked without a lock and in one round trip.
 * @throws AppError DATABASE_ERROR, also when the database has no schema at all
 */
export async function isMigrated({ sql }: Queryable): Promise<boolean> {
  try {
    const rows = await sql<{ created_at: number }[]>`SELECT created_at FROM drizzle.__drizzle_migrations`;
    const applied = new Set(rows.map((row) => row.created_at));
    return (await readMigrations()).every((migration) => applied.has(migration.when));
  } catch (error) {
    throw asDatabaseError(error);
  }
}

async function readMigrations(): Promise<Migration[]> {
  const journal = JSON.parse(await readFile(`${FOLDER}/meta/_journal.json`, 'utf8')) as { entries: { tag: string }[] };
  return readMigrationFiles({ migrationsFolder: FOLDER }).map((file, index) => ({
    tag: journal.entries[index]!.tag,
    when: file.folderMillis,
    hash: file.hash,
    sql: file.sql,
  }));
}

type Work<T> = (tx: postgres.TransactionSql<{ int8: number }>, applied: number[]) => Promise<T>;

async function inLock<T>(target: MigrationTarget, work: Work<T>): Promise<T> {
  const own = typeof target === 'string' ? openClient(target, { max: 1 }) : undefined;
  const sql = own ?? (target as Exclude<MigrationTarget, string>).sql;
  try {
    return (await sql.begin(async (tx) => {
      await tx`SELECT pg_advisory_xact_lock(${LOCK})`;
      await refuseOldServer(tx);
      const applied = await readApplied(tx);
      await refuseNewerDatabase(applied);
      return work(tx, applied);
    })) as T;
  } catch (error) {
    if (error instanceof DatabaseStartError) throw error;
    const url = typeof target === 'string' ? target : `postgres://${sql.options.host[0]}:${sql.options.port[0]}`;
    throw new DatabaseStartError(describeDatabaseError(error, url), { cause: error });
  } finally {
    await own?.end({ timeout: 5 });
  }
}

async function readApplied(tx: postgres.TransactionSql<{ int8: number }>): Promise<number[]> {
  await tx`CREATE SCHEMA IF NOT EXISTS drizzle`;
  await tx`CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`;
  const rows = await tx<{ created_at: number }[]>`SELECT created_at FROM drizzle.__drizzle_migrations`;
  return rows.map((row) => row.created_at);
}

async function refuseOldServer(tx: postgres.TransactionSql<{ int8: number }>): Promise<void> {
  const [row] = await tx<[{ version: string }]>`SELECT current_setting('server_version') AS version`;
  if (Number.parseInt(row.version, 10) < OLDEST_SERVER) {
    throw new DatabaseStartError(
      `Postgres ${row.version} is too old: GitClaw needs ${OLDEST_SERVER} or newer (DATABASE_URL)`,
    );
  }
}

async function refuseNewerDatabase(applied: number[]): Promise<void> {
  const known = new Set((await readMigrations()).map((migration) => migration.when));
  const unknown = applied.filter((when) => !known.has(when)).length;
  if (unknown > 0) {
    throw new DatabaseStartError(
      `The database has ${unknown} migration(s) that this build does not know: run a newer GitClaw`,
    );
  }
}
