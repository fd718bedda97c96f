/**
 * The connections of one node. A transaction has one for itself; queries share when there are more of them than
 * connections, some down one connection (pipelining). Whatever is too much waits here, in its order. Brief queries of one
 * moment share too: then one write and one process of the database do for all of them.
 *
 * The driver's own pool goes on with lost connections, see {@link Connection}, and sends BEGIN down busy ones, so that
 * others' queries may run inside of the transaction (porsager/postgres issues 823, 1189, 1210).
 */
import type { PoolState } from '../telemetry/index.js';
import { type DriverQuery, openClient, type PooledClient, type SqlClient } from './client.js';
import { Connection, type ConnectionOptions, type Transaction } from './connection.js';

/** A connection that nobody used for so long is closed. */
const IDLE_MS = 300_000;
/** One that is older is not used again: what a server process keeps for it grows with time. */
const LIFETIME_MS = 2_700_000;
const LOOK_MS = 30_000;

/** Queries on their way down one connection. */
const DEPTH = 8;

interface Waiting {
  /** Whether it wants a connection for itself, or shares one with others of the same turn of the event loop. */
  kind: 'alone' | 'any' | 'brief';
  start(member: Member): void;
  fail(error: unknown): void;
}

interface Member {
  readonly connection: Connection;
  readonly openedAt: number;
  usedAt: number;
  /** Queries at work here, or one transaction. */
  load: number;
  isAlone: boolean;
}

export class Pool {
  readonly #options: ConnectionOptions;
  readonly #max: number;
  /** Makes queries and never connects. */
  readonly #maker: SqlClient;
  readonly #members = new Set<Member>();
  /** The last one used is the first to be used again. */
  readonly #idle: Member[] = [];
  readonly #waiting: Waiting[] = [];
  /** Where brief queries of this turn of the event loop go. */
  #brief: Member | undefined;
  readonly #look: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #opening = 0;
  #isClosed = false;
  #busy = 0;
  #busyMs = 0;
  #countedAt = performance.now();

  /** @param max connections at most */
  constructor(options: ConnectionOptions, max: number) {
    this.#options = options;
    this.#max = max;
    this.#maker = openClient(options.url, { max: 1 });
    this.#look = setInterval(() => this.#retireIdle(), LOOK_MS).unref();
  }

  get state(): PoolState {
    this.#count(0);
    return {
      active: this.#busy,
      idle: this.#max - this.#busy,
      max: this.#max,
      waiting: this.#waiting.length,
      busySeconds: this.#busyMs / 1000,
    };
  }

  /** A client whose queries and transactions run on the connections of this pool. */
  client(kind: 'any' | 'brief'): PooledClient {
    const maker = this.#maker;
    const unsafe = (...args: unknown[]) => this.#route(Reflect.apply(maker.unsafe as never, maker, args), kind);
    const begin = (work: (client: Transaction) => unknown) => this.transaction(work);
    return new Proxy(maker, {
      apply: (target, self, args) => this.#route(Reflect.apply(target as never, self, args), kind),
      get: (target, name) => (name === 'unsafe' ? unsafe : name === 'begin' ? begin : Reflect.get(target, name)),
    });
  }

  /** As {@link Connection.transaction}, on a connection of its own. */
  async transaction<T>(work: (client: Transaction) => T | Promise<T>): Promise<T> {
    const member = await new Promise<Member>((start, fail) => this.#take({ kind: 'alone', start, fail }));
    try {
      return await member.connection.transaction(work);
    } finally {
      this.#release(member);
    }
  }

  /** Lets running queries and transactions finish for up to `seconds`, then closes every connection. */
  async close(seconds: number): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#look);
    this.#stop.abort();
    await this.#maker.end();
    for (const { fail } of this.#waiting.splice(0)) fail(this.#closed());
    await Promise.all([...this.#members].map(({ connection }) => connection.close(seconds)));
  }

  /** A tagged template also makes things that are no queries, such as identifiers; those pass. */
  #route(made: unknown, kind: 'any' | 'brief'): unknown {
    const query = made as Partial<DriverQuery> | undefined;
    if (typeof query?.handler !== 'function') return made;
    const routed = (each: DriverQuery): void =>
      this.#take({
        kind,
        // The driver tells of the end before it has the connection back, so the next one starts a moment later.
        start: (member) => member.connection.run(each, () => queueMicrotask(() => this.#release(member))),
        fail: (error) => each.reject(error),
      });
    query.handler = Object.assign(routed, { debug: query.handler.debug });
    return made;
  }

  #take(waiting: Waiting): void {
    if (this.#isClosed) {
      waiting.fail(this.#closed());
      return;
    }
    const member =
      (waiting.kind === 'brief' ? this.#shared() : undefined) ??
      this.#idle.pop() ??
      (waiting.kind === 'alone' || this.#waiting.length > 0 ? undefined : this.#leastLoaded());
    if (member === undefined) {
      this.#waiting.push(waiting);
      this.#grow();
    } else {
      this.#start(waiting, member);
    }
  }

  #shared(): Member | undefined {
    const member = this.#brief;
    return member !== undefined && member.load > 0 && takesAnother(member) ? member : undefined;
  }

  /** One that takes another query, when there can be no more connections. */
  #leastLoaded(): Member | undefined {
    if (this.#members.size < this.#max) return undefined;
    let least: Member | undefined;
    for (const member of this.#members) {
      if (takesAnother(member) && member.load < (least?.load ?? DEPTH)) least = member;
    }
    return least;
  }

  #start(waiting: Waiting, member: Member): void {
    if (member.load === 0) this.#count(1);
    member.load += 1;
    member.isAlone = waiting.kind === 'alone';
    if (waiting.kind === 'brief' && this.#brief !== member) {
      this.#brief = member;
      setImmediate(() => {
        if (this.#brief === member) this.#brief = undefined;
      });
    }
    waiting.start(member);
  }

  #release(member: Member): void {
    member.load -= 1;
    const now = performance.now();
    member.usedAt = now;
    if (member.load === 0) {
      member.isAlone = false;
      this.#count(-1);
    }
    if (this.#isClosed || member.connection.isLost) return;
    if (now - member.openedAt <= LIFETIME_MS) this.#offer(member);
    else if (member.load === 0) void member.connection.close(0);
  }

  /** Those that wait come in their order: a transaction waits for a connection that nobody uses, the rest behind it. */
  #offer(member: Member): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const taker = member.load === 0 ? member : next.kind === 'alone' ? undefined : this.#leastLoaded();
      if (taker === undefined) return;
      this.#waiting.shift();
      this.#start(next, taker);
    }
    if (member.load === 0) this.#idle.push(member);
  }

  /** Opens a connection for whoever waits longest; when that fails and there is no other, all who wait are told. */
  #grow(): void {
    if (this.#isClosed || this.#waiting.length <= this.#opening || this.#members.size + this.#opening >= this.#max)
      return;
    this.#opening += 1;
    Connection.open(this.#options, this.#stop.signal).then(
      (connection) => {
        this.#opening -= 1;
        const now = performance.now();
        const member: Member = { connection, openedAt: now, usedAt: now, load: 0, isAlone: false };
        this.#members.add(member);
        void connection.ended.then(() => this.#forget(member));
        if (this.#isClosed) void connection.close(0);
        else this.#offer(member);
      },
      (error: unknown) => {
        this.#opening -= 1;
        // Where there are others, one of them will be free: Postgres may only have no room for more.
        if (this.#members.size + this.#opening > 0) return;
        for (const { fail } of this.#waiting.splice(0)) fail(error);
      },
    );
  }

  #forget(member: Member): void {
    this.#members.delete(member);
    const at = this.#idle.indexOf(member);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#grow();
  }

  #retireIdle(): void {
    const before = performance.now() - IDLE_MS;
    for (const member of [...this.#idle]) {
      if (member.usedAt > before) continue;
      this.#idle.splice(this.#idle.indexOf(member), 1);
      void member.connection.close(0);
    }
  }

  #closed(): Error {
    return Object.assign(new Error('the connections to Postgres are closed'), { code: 'CONNECTION_ENDED' });
  }

  #count(by: number): void {
    const now = performance.now();
    this.#busyMs += this.#busy * (now - this.#countedAt);
    this.#countedAt = now;
    this.#busy += by;
  }
}

function takesAnother({ isAlone, connection, load }: Member): boolean {
  return !isAlone && !connection.isLost && load < DEPTH;
}
