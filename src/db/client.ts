/** The driver with the project's type mapping. */
import { randomUUID } from 'node:crypto';
import postgres from 'postgres';

/** A Postgres client. int8 (also `count(*)`) arrives as a number, timestamptz as a Date, jsonb parsed. */
export type SqlClient = postgres.Sql<{ int8: number }>;

/** What a pool shows of its clients: one neither ends them nor listens on them. */
export type PooledClient = postgres.ISql<{ int8: number }> & Pick<SqlClient, 'begin' | 'options'>;

/** Settings of the driver that differ between its users. */
export interface ClientOptions {
  max: number;
  /** null = a connection may get as old as it likes. */
  max_lifetime?: null;
  connection?: { application_name: string };
  socket?(where: SocketOptions): unknown;
  onclose?(): void;
  onnotify?(channel: string, payload: string): void;
}

/** The part of the driver's parsed options that tells where to connect. */
export interface SocketOptions {
  host: string[];
  port: number[];
  /** Socket file, in place of the others. */
  path: string | false | undefined;
}

/** The part of the driver's query object that its pool works with. */
export interface DriverQuery {
  handler: ((query: DriverQuery) => void) & { debug?: unknown };
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Type number of `text[]` in pg_type. */
const TEXT_ARRAY = 1009;
/** Those of `json` and `jsonb`. */
const JSON_TYPES = [114, 3802];

/** A name by which an operator can tell the connections of one pool in pg_stat_activity. */
export function applicationName(): string {
  return `gitclaw-${randomUUID().slice(0, 8)}`;
}

/**
 * A bare client; the caller ends it.
 * The driver does not know libpq's way of naming a socket folder, `?host=/run/postgresql`, so it is translated.
 */
export function openClient(url: string, options: ClientOptions): SqlClient {
  const address = new URL(url);
  const folder = address.searchParams.get('host');
  address.searchParams.delete('host');
  return postgres(address.href, {
    ...(folder === null ? {} : { host: folder }),
    connect_timeout: 10,
    connection: { application_name: applicationName() },
    onnotice: () => {},
    // The driver's own query for array types on each new connection has no one to catch its failure: a database that
    // goes away at that moment would end the process. We send one array type and receive none.
    fetch_types: false,
    types: {
      int8: { to: 20, from: [20], parse: Number, serialize: String },
      textArray: { to: TEXT_ARRAY, from: [], parse: String, serialize: textArray },
      // Our column type hands JSON over as text; everybody else as a value.
      json: {
        to: JSON_TYPES[0]!,
        from: JSON_TYPES,
        parse: JSON.parse,
        serialize: (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)),
      },
    },
    ...options,
  } as postgres.Options<{ int8: postgres.PostgresType<number> }>) as SqlClient;
}

/** How a client takes in queries, those that another one made as well. */
export function handlerOf(client: SqlClient): (query: DriverQuery) => void {
  return (client.unsafe('') as unknown as DriverQuery).handler;
}

/** An array literal (PostgreSQL manual, "Array Input and Output Syntax"). Other array types are not sent. */
function textArray(values: readonly (string | null)[]): string {
  const quoted = values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`));
  return `{${quoted.join(',')}}`;
}
