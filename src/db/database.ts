/** Connections and transactions of one node. */
import { randomUUID } from 'node:crypto';
import { drizzle, type PostgresJsDatabase, type PostgresJsSession } from 'drizzle-orm/postgres-js';
import type { ExtractTablesWithRelations } from 'drizzle-orm/relations';
import postgres from 'postgres';
import type { PoolState } from '../telemetry/index.js';
import { asDatabaseError } from './errors.js';
import { TransactionWatch } from './lost-connection.js';
import { Notifier } from './notify.js';
import { PoolGate } from './pool-gate.js';
import * as schema from './schema/index.js';

type Schema = typeof schema;

/** A Postgres client. int8 (also `count(*)`) arrives as a number, timestamptz as a Date, jsonb parsed. */
export type SqlClient = postgres.Sql<{ int8: number }>;

/**
 * What a query needs, in or outside of a transaction: drizzle (`orm`), or SQL as tagged template (`sql`).
 * In `sql`, pass JSON as `${JSON.stringify(value)}::jsonb`.
 */
export interface Queryable {
  readonly orm: Omit<PostgresJsDatabase<Schema>, '$client'>;
  readonly sql: postgres.ISql<{ int8: number }>;
  /** The database's clock in whole milliseconds; inside a transaction its start, asked for once. */
  now(): Promise<Date>;
}

/** An open transaction; see {@link Database.transaction}. */
export interface Tx extends Queryable {
  /** Keeps a plain database from being taken for a transaction. */
  readonly inTransaction: true;
  /** Tells listeners of the channel once the transaction is committed, at once but not for sure: see {@link Notifier}. */
  notify(channel: string, payload: string): void;
}

export interface Database extends Queryable {
  readonly sql: SqlClient;
  /**
   * Runs `work` in one READ COMMITTED transaction; commits when it resolves and rolls back when it rejects.
   * @throws AppError DATABASE_ERROR for anything Postgres or the connection reports; other errors of `work` unchanged
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** A round trip. @throws AppError DATABASE_ERROR */
  check(): Promise<void>;
  /** How busy the connections are. */
  poolState(): PoolState;
  /** Lets running queries finish for up to 5 seconds, then closes every connection. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://` URL. */
  url: string;
  maxConnections: number;
}

/** Timestamps come with microseconds; Date keeps milliseconds, and the clock must not promise more. */
const NOW = `SELECT date_trunc('milliseconds', now()) AS now`;

/** Opens a pool. Connections are made when first needed, so this never fails; {@link Database.check} tells. */
export function openDatabase({ url, maxConnections }: DatabaseOptions): Database {
  const gate = new PoolGate(maxConnections);
  const sql = gate.guard(openClient(url, { max: maxConnections }));
  const orm = openOrm(sql);
  const notifier = new Notifier(sql);
  return {
    orm,
    sql,
    now: () => readNow(sql),
    async transaction(work) {
      const watch = new TransactionWatch();
      const news: [channel: string, payload: string][] = [];
      const run = () => orm.transaction((ormTx) => watch.run(() => work(asTx(ormTx, watch, news))));
      try {
        const result = await gate.during(() => Promise.race([run(), watch.gone]));
        for (const [channel, payload] of news) notifier.tell(channel, payload);
        return result;
      } catch (error) {
        watch.lose(error);
        throw asDatabaseError(error);
      }
    },
    async check() {
      await sql`SELECT 1`.catch((error: unknown) => {
        throw asDatabaseError(error);
      });
    },
    poolState: () => gate.state,
    close: () => sql.end({ timeout: 5 }),
  };
}

/**
 * A bare client with the project's type mapping; the caller ends it.
 * The driver does not know libpq's way of naming a socket folder, `?host=/run/postgresql`, so it is translated.
 */
export function openClient(url: string, options: { max: number }): SqlClient {
  const address = new URL(url);
  const folder = address.searchParams.get('host');
  address.searchParams.delete('host');
  return postgres(address.href, {
    ...(folder === null ? {} : { host: folder }),
    max: options.max,
    connect_timeout: 10,
    idle_timeout: 300,
    // Of this pool alone, so that an operator can tell the nodes apart in pg_stat_activity.
    connection: { application_name: `gitclaw-${randomUUID().slice(0, 8)}` },
    onnotice: () => {},
    // The driver's own query for array types on each new connection has no one to catch its failure: a database that
    // goes away at that moment would end the process. We send one array type and receive none.
    fetch_types: false,
    types: {
      int8: { to: 20, from: [20], parse: Number, serialize: String },
      textArray: { to: TEXT_ARRAY, from: [], parse: String, serialize: textArray },
    },
  });
}

/** Type number of `text[]` in pg_type. */
const TEXT_ARRAY = 1009;

/** An array literal (PostgreSQL manual, "Array Input and Output Syntax"). Other array types are not sent. */
function textArray(values: readonly (string | null)[]): string {
  const quoted = values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`));
  return `{${quoted.join(',')}}`;
}

/**
 * drizzle replaces the client's parsers and serializers of times and JSON by ones that do nothing, which would also
 * change every plain `sql` query on it. The client's own ones work for both and are put back; only JSON differs,
 * because our column type hands it over as text.
 */
function openOrm(sql: SqlClient): PostgresJsDatabase<Schema> {
  const { parsers, serializers } = sql.options as {
    parsers: object;
    serializers: Record<number, (value: unknown) => unknown>;
  };
  const before = { parsers: { ...parsers }, serializers: { ...serializers } };
  const orm = drizzle(preparing(sql) as unknown as postgres.Sql, { schema });
  Object.assign(parsers, before.parsers);
  Object.assign(serializers, before.serializers);
  const json = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  serializers[114] = json;
  serializers[3802] = json;
  return orm;
}

/**
 * The client as drizzle gets it: its queries are prepared by name, as those of plain `sql` are.
 * Unprepared ones cost a second round trip and are planned anew each time. Their texts are few: values are parameters,
 * and lists of ids are as long as a page at most.
 */
function preparing(sql: SqlClient): SqlClient {
  const unsafe = (text: string, parameters?: never[], options?: postgres.UnsafeQueryOptions) =>
    sql.unsafe(text, parameters, { ...options, prepare: true });
  return new Proxy(sql, { get: (target, name) => (name === 'unsafe' ? unsafe : Reflect.get(target, name)) });
}

type OrmTx = Parameters<Parameters<PostgresJsDatabase<Schema>['transaction']>[0]>[0];

function asTx(ormTx: OrmTx, watch: TransactionWatch, news: [channel: string, payload: string][]): Tx {
  const session = ormTx._.session as unknown as PostgresJsSession<
    SqlClient,
    Schema,
    ExtractTablesWithRelations<Schema>
  >;
  const sql = watch.guard(session.client);
  session.client = preparing(sql);
  let now: Promise<Date> | undefined;
  return {
    orm: ormTx,
    sql,
    inTransaction: true,
    notify: (channel, payload) => void news.push([channel, payload]),
    now() {
      now ??= readNow(sql);
      return now;
    },
  };
}

async function readNow(sql: postgres.ISql<{ int8: number }>): Promise<Date> {
  try {
    const [row] = await sql.unsafe<[{ now: Date }]>(NOW);
    return row.now;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
