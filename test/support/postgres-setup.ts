/** One Postgres for the whole test run, with a migrated template database; see postgres.ts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate, openDatabase, startEmbeddedPostgres } from '../../src/db/index.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the maintenance database of the run's Postgres. */
    postgresUrl: string;
  }
}

export const TEMPLATE = 'gitclaw_template';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-postgres-'));
  const server = await startEmbeddedPostgres({
    dataDir: folder,
    log: { debug: () => {}, warn: () => {} },
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
  });
  // Tests put proxies before it, by host and port.
  const url = new URL(server.url);
  url.searchParams.delete('host');
  const admin = openDatabase({ url: url.href, maxConnections: 1 });
  await admin.sql`CREATE DATABASE ${admin.sql(TEMPLATE)}`;
  await admin.close();
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  await migrate(template.href);
  project.provide('postgresUrl', url.href);
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
