/** Connections and transactions of one node. */
import { drizzle, type PostgresJsDatabase, type PostgresJsSession } from 'drizzle-orm/postgres-js';
import type { ExtractTablesWithRelations } from 'drizzle-orm/relations';
import type postgres from 'postgres';
import type { PoolState } from '../telemetry/index.js';
import { applicationName, type PooledClient, type SqlClient } from './client.js';
import { asDatabaseError } from './errors.js';
import { Listener } from './listener.js';
import { Notifier } from './notify.js';
import { Pool } from './pool.js';
import * as schema from './schema/index.js';

type Schema = typeof schema;

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
  readonly sql: PooledClient;
  /** For lookups by key, which wait for nobody: those of one moment go down one connection, one after the other. */
  readonly brief: { readonly sql: PooledClient };
  /**
   * Runs `work` in one READ COMMITTED transaction; commits when it resolves and rolls back when it rejects.
   * @throws AppError DATABASE_ERROR for anything Postgres or the connection reports; other errors of `work` unchanged
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Hears what is told on a channel, on one connection beside the pool that comes back by itself.
   * @param told called with each payload
   * @param connected called when listening begins, and each time it begins anew: what was told in between is lost
   * @returns what ends it
   */
  listen(channel: string, told: (payload: string) => void, connected?: () => void): () => void;
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

const LAST_QUERIES_SECS = 5;

/** Opens a pool. Connections are made when first needed, so this never fails; {@link Database.check} tells. */
export function openDatabase({ url, maxConnections }: DatabaseOptions): Database {
  const options = { url, applicationName: applicationName() };
  const pool = new Pool(options, maxConnections);
  const listener = new Listener(options);
  const sql = pool.client('any');
  const orm = drizzle(preparing(sql) as unknown as postgres.Sql, { schema });
  const notifier = new Notifier(sql);
  return {
    orm,
    sql,
    brief: { sql: pool.client('brief') },
    now: () => readNow(sql),
    async transaction(work) {
      const news: [channel: string, payload: string][] = [];
      try {
        const result = await orm.transaction((ormTx) => work(asTx(ormTx, news)));
        for (const [channel, payload] of news) notifier.tell(channel, payload);
        return result;
      } catch (error) {
        throw asDatabaseError(error);
      }
    },
    listen: (channel, told, connected) => listener.listen(channel, told, connected),
    async check() {
      await sql`SELECT 1`.catch((error: unknown) => {
        throw asDatabaseError(error);
      });
    },
    poolState: () => pool.state,
    async close() {
      await Promise.all([listener.close(), pool.close(LAST_QUERIES_SECS)]);
    },
  };
}

/**
 * The client as drizzle gets it: its queries are prepared by name, as those of plain `sql` are.
 * Unprepared ones cost a second round trip and are planned anew each time. Their texts are few: values are parameters,
 * and lists of ids are as long as a page at most.
 */
function preparing<C extends postgres.ISql<{ int8: number }>>(sql: C): C {
  const unsafe = (text: string, parameters?: never[], options?: postgres.UnsafeQueryOptions) =>
    sql.unsafe(text, parameters, { ...options, prepare: true });
  return new Proxy(sql, { get: (target, name) => (name === 'unsafe' ? unsafe : Reflect.get(target, name)) });
}

type OrmTx = Parameters<Parameters<PostgresJsDatabase<Schema>['transaction']>[0]>[0];

function asTx(ormTx: OrmTx, news: [channel: string, payload: string][]): Tx {
  const session = ormTx._.session as unknown as PostgresJsSession<
    SqlClient,
    Schema,
    ExtractTablesWithRelations<Schema>
  >;
  const sql = session.client;
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
