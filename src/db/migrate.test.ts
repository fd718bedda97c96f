import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { DatabaseStartError, migrate, migrationInfo, openDatabase, requireMigrated, revertLast } from './index.js';

const NAMES = [
  '0000_initial_schema',
  '0001_push_service',
  '0002_ci',
  '0003_audit_immutability',
  '0004_tracking',
  '0005_collaboration',
  '0006_webhooks',
  '0007_ci_runners',
  '0008_push_certificates',
  '0009_reconciliation',
  '0010_compaction',
  '0011_bundles',
  '0012_active_packs',
  '0013_loose_uploads',
  '0014_unpack_order',
];

const databases: TestDatabase[] = [];
afterEach(async () => {
  for (const database of databases.splice(0)) await database.drop();
});
async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase({ empty: true });
  databases.push(database);
  return database;
}

/** Everything that a schema consists of, as text. */
async function describeSchema({ db }: TestDatabase): Promise<string[]> {
  const rows = await db.sql<{ line: string }[]>`
    SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS line
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s', typname, enumlabel) FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY line`;
  return rows.map((row) => row.line);
}

async function drizzleKit(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('npx', ['drizzle-kit', ...args], {
    env: { ...process.env, DATABASE_URL: databases[0]?.url ?? '' },
  });
  return stdout + stderr;
}

describe('migrations', () => {
  it('apply once, report themselves, and can all be taken back and applied again', async () => {
    const test = await emptyDatabase();
    expect((await migrationInfo(test.db)).map(({ name, applied }) => [name, applied])).toEqual(
      NAMES.map((name) => [name, false]),
    );
    expect(await migrate(test.url)).toEqual(NAMES);
    expect(await migrate(test.db)).toEqual([]);
    expect((await migrationInfo(test.url)).every(({ applied }) => applied)).toBe(true);
    const schema = await describeSchema(test);
    expect(schema.length).toBeGreaterThan(200);
    const reverted: (string | undefined)[] = [];
    for (let count = 0; count < NAMES.length; count++) reverted.push(await revertLast(test.db));
    expect(reverted).toEqual(NAMES.toReversed());
    expect(await revertLast(test.db)).toBeUndefined();
    expect(await describeSchema(test)).toEqual([]);
    await migrate(test.db);
    expect(await describeSchema(test)).toEqual(schema);
  });

  it('take back one step and apply that step only', async () => {
    const test = await emptyDatabase();
    await migrate(test.db);
    const schema = await describeSchema(test);
    expect(await revertLast(test.db)).toBe(NAMES.at(-1));
    expect(await revertLast(test.db)).toBe(NAMES.at(-2));
    expect(await migrate(test.db)).toEqual(NAMES.slice(-2));
    expect(await describeSchema(test)).toEqual(schema);
  });

  it('do not collide when eight nodes start at once', async () => {
    const test = await emptyDatabase();
    const done = await Promise.all(Array.from({ length: 8 }, () => migrate(test.url)));
    expect(done.filter((names) => names.length > 0)).toEqual([NAMES]);
  });

  it('agree with drizzle-kit: it applies the same files, and finds nothing to generate', async () => {
    const test = await emptyDatabase();
    await drizzleKit('migrate');
    expect(await migrate(test.db)).toEqual([]);
    const other = await emptyDatabase();
    await migrate(other.db);
    expect(await describeSchema(test)).toEqual(await describeSchema(other));
    expect(await drizzleKit('migrate')).not.toMatch(/error/i);
    const copy = await mkdtemp(join(tmpdir(), 'gitclaw-drizzle-'));
    await cp('drizzle', copy, { recursive: true });
    const generated = await drizzleKit(
      ...['generate', '--dialect=postgresql', '--schema=./src/db/schema/index.ts'],
      `--out=${relative('.', copy)}`,
    );
    await rm(copy, { recursive: true });
    expect(generated).toContain('No schema changes');
    expect(await drizzleKit('check')).toContain('fine');
  });

  it('leave a database alone that is newer than this build', async () => {
    const test = await emptyDatabase();
    await migrate(test.db);
    await test.db.sql`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 99999999999999)`;
    for (const attempt of [migrate, migrationInfo, revertLast]) {
      await expect(attempt(test.url)).rejects.toThrow(
        new DatabaseStartError('The database has 1 migration(s) that this build does not know: run a newer GitClaw'),
      );
    }
  });

  it('are asked for by a node that may not apply them, which changes nothing', async () => {
    const test = await emptyDatabase();
    const lacks = (count: number) =>
      new DatabaseStartError(`The database lacks ${count} migration(s) of this build: run \`gitclaw migrate run\``);
    await expect(requireMigrated(test.db)).rejects.toThrow(lacks(NAMES.length));
    expect(await test.db.sql`SELECT 1 FROM pg_namespace WHERE nspname = 'drizzle'`).toHaveLength(0);
    await migrate(test.db);
    await requireMigrated(test.db);
    await revertLast(test.db);
    await expect(requireMigrated(test.db)).rejects.toThrow(lacks(1));
    await test.db.sql`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 99999999999999)`;
    await expect(requireMigrated(test.db)).rejects.toThrow(
      /^The database has 1 migration\(s\) that this build does not know/,
    );
    const gone = openDatabase({ url: 'postgres://u:secret@127.0.0.1:1/x', maxConnections: 1 });
    await expect(requireMigrated(gone)).rejects.toThrow(
      new DatabaseStartError('Connection refused: no Postgres answers at 127.0.0.1:1 (DATABASE_URL)'),
    );
    await gone.close();
  });

  it('roll back whole when one fails', async () => {
    const test = await emptyDatabase();
    await test.db.sql`CREATE TABLE ci_runs (in_the_way int)`;
    await expect(migrate(test.db)).rejects.toThrow(
      /^Postgres at 127\.0\.0\.1:\d+ cannot be used: .*ci_runs.* already exists$/,
    );
    expect((await describeSchema(test)).filter((line) => !line.startsWith('ci_runs'))).toEqual([]);
  });

  it('say in one line why there is no database', async () => {
    const test = await emptyDatabase();
    const refused = migrate('postgres://u:secret@127.0.0.1:1/x');
    await expect(refused).rejects.toThrow('Connection refused: no Postgres answers at 127.0.0.1:1 (DATABASE_URL)');
    await expect(migrate('postgres://u:secret@localhost:1/x')).rejects.toThrow(/^Connection refused: .* localhost:1 /);
    await expect(migrate('postgres:///x?host=/nowhere')).rejects.toThrow(
      /^Connection refused: there is no Postgres socket at \/nowhere /,
    );
    const wrong = new URL(test.url);
    wrong.pathname = '/nowhere';
    await expect(migrate(wrong.href)).rejects.toThrow(/^The database named in DATABASE_URL does not exist at /);
    wrong.password = 'geheim';
    const denied = await migrate(wrong.href).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(denied).toMatch(/refuses the user or the password of DATABASE_URL$/);
    expect(denied).not.toContain('geheim');
    await expect(migrate('postgres://u@no-such-host.invalid/x')).rejects.toThrow(
      /^Host not found: no-such-host.invalid:5432/,
    );
  });
});
