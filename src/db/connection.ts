/**
 * One connection to Postgres, from its start to its loss.
 *
 * The driver takes a lost connection up again with what it remembers of the old one. When a reset comes (first the
 * error, then the close), a query that is sent in between is never settled, or is settled as done when the connection
 * is back, or takes the answer of the next one; bytes that waited to be written block it for ever (porsager/postgres
 * issues 1130, 1133, 1208, 1215). So each connection is a driver of its own, which never connects a second time.
 */
import { connect, type Socket } from 'node:net';
import type postgres from 'postgres';
import {
  type ClientOptions,
  type DriverQuery,
  handlerOf,
  openClient,
  type SocketOptions,
  type SqlClient,
} from './client.js';
import { isConnectionLost } from './errors.js';
import { TransactionWatch } from './lost-connection.js';

export type Transaction = postgres.TransactionSql<{ int8: number }>;

export interface ConnectionOptions {
  url: string;
  /** As pg_stat_activity shows it. */
  applicationName: string;
  /** Called with what others NOTIFY on a channel that is listened to. */
  heard?: (channel: string, payload: string) => void;
}

/** From the first byte to the answer to a first query, milliseconds. */
const OPEN_MS = 15_000;

export class Connection {
  readonly #client: SqlClient;
  readonly #send: (query: DriverQuery) => void;
  readonly #ended: Promise<void>;
  #tellEnd: () => void = () => {};
  #sockets: Socket[] = [];
  #why: unknown;
  #isLost = false;
  #watch: TransactionWatch | undefined;

  private constructor({ url, applicationName, heard }: ConnectionOptions) {
    this.#ended = new Promise((resolve) => {
      this.#tellEnd = resolve;
    });
    const options: ClientOptions = {
      max: 1,
      max_lifetime: null,
      connection: { application_name: applicationName },
      socket: (where) => this.#dial(where),
      onclose: () => this.#lose(),
    };
    this.#client = openClient(url, heard === undefined ? options : { ...options, onnotify: heard });
    this.#send = handlerOf(this.#client);
  }

  /**
   * Connects, and has a first query answered.
   * @param signal ends the attempt
   * @throws what the driver or Postgres say
   */
  static async open(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(options);
    const timer = setTimeout(() => connection.#lose('CONNECT_TIMEOUT'), OPEN_MS);
    const stop = () => connection.#lose('CONNECTION_ENDED');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    const ended = connection.#ended.then(() => {
      throw connection.#why;
    });
    try {
      await Promise.race([connection.#client.unsafe('SELECT 1'), ended]);
      // What another host of the URL said does not matter any more.
      connection.#why = undefined;
      return connection;
    } catch (error) {
      connection.#lose();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      ended.catch(() => {});
    }
  }

  /** True from the moment at which it is of no more use. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Resolves when it is lost or closed. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Sends a query that was made by any client of the driver behind those that are on their way, and settles it.
   * @param settled called once, before the query is
   */
  run(query: DriverQuery, settled: () => void): void {
    const { resolve, reject } = query;
    let open = true;
    // The driver may also reject what it has resolved, when a connection ends.
    const end = () => {
      if (open) settled();
      open = false;
    };
    query.resolve = (value) => {
      end();
      resolve(value);
    };
    query.reject = (error) => {
      if (isConnectionLost(error)) this.#lose();
      end();
      reject(error);
    };
    this.#send(query);
  }

  /** For statements that are worth no prepared query. */
  async execute(text: string): Promise<void> {
    await this.#client.unsafe(text);
  }

  /**
   * Runs `work` in a transaction, commits when it resolves and rolls back when it rejects. The client it is given
   * refuses queries from the loss of the connection on, and when the transaction has ended.
   */
  async transaction<T>(work: (client: Transaction) => T | Promise<T>): Promise<T> {
    const watch = new TransactionWatch();
    this.#watch = watch;
    try {
      const done = this.#client.begin((client) => watch.run(async () => work(watch.guard(client))));
      return (await Promise.race([done, watch.gone])) as T;
    } catch (error) {
      if (isConnectionLost(error)) this.#lose();
      watch.lose(error);
      throw error;
    } finally {
      watch.lose(new Error('the transaction has ended'));
    }
  }

  /** Lets what runs finish for up to `seconds`, then ends. */
  async close(seconds: number): Promise<void> {
    await this.#client.end({ timeout: seconds });
    this.#lose();
  }

  /** One socket for each host that the URL names: the driver asks again when it would connect a second time. */
  #dial({ host, port, path }: SocketOptions): Socket {
    const at = this.#sockets.length;
    if (this.#isLost || at >= (path ? 1 : host.length)) {
      this.#lose();
      throw this.#why;
    }
    const socket = path ? connect(path) : connect({ host: host[at]!, port: port[at]! });
    this.#sockets.push(socket);
    socket.once('error', (error) => {
      this.#why = error;
    });
    // The driver verifies a certificate for this name.
    return path ? socket : Object.assign(socket, { host: host[at] });
  }

  /** Has the driver reject what was sent. */
  #lose(code = 'CONNECTION_CLOSED'): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#why ??= Object.assign(new Error('the connection to Postgres has ended'), { code });
    this.#watch?.lose(this.#why);
    void this.#client.end({ timeout: 0 }).then(() => {
      for (const socket of this.#sockets) socket.destroy();
    });
    this.#tellEnd();
  }
}
