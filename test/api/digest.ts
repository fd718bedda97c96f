/** One value for everything a database holds, to prove that nothing was changed. */
import type { Database } from '../../src/db/index.js';

/** Counters of calls, which refused calls may raise too. */
const COUNTERS = ['rate_limit_buckets'];

/** MD5 over all rows of all tables but the counters, whatever their order. */
export async function digest({ sql }: Database): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`;
  const found: Record<string, string> = {};
  for (const { name } of tables.filter((table) => !COUNTERS.includes(table.name))) {
    const [row] = await sql<{ rows: string }[]>`
      SELECT count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') AS rows
      FROM ${sql(name)} t`;
    found[name] = row?.rows ?? '';
  }
  return found;
}
