/** Databases for tests, each with the current schema and nothing in it. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/db/index.js';
import { TEMPLATE } from './postgres-setup.js';

export interface TestDatabase {
  url: string;
  db: Database;
  /** Closes `db` and drops the database, whoever else is connected. */
  drop(): Promise<void>;
}

/**
 * A fresh database in the Postgres of this test run.
 * @param options.empty without the schema, for tests of migrations
 */
export async function createTestDatabase(
  options: { empty?: boolean; maxConnections?: number } = {},
): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(async (admin) => {
    if (options.empty) await admin.sql`CREATE DATABASE ${admin.sql(name)}`;
    else await admin.sql`CREATE DATABASE ${admin.sql(name)} TEMPLATE ${admin.sql(TEMPLATE)}`;
  });
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  const db = openDatabase({ url: url.href, maxConnections: options.maxConnections ?? 10 });
  return {
    url: url.href,
    db,
    async drop() {
      await db.close();
      await asAdmin((admin) => admin.sql`DROP DATABASE IF EXISTS ${admin.sql(name)} WITH (FORCE)`);
    },
  };
}

async function asAdmin<T>(work: (admin: Database) => Promise<T>): Promise<T> {
  const admin = openDatabase({ url: inject('postgresUrl'), maxConnections: 1 });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}
