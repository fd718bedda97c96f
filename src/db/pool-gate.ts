/**
 * Lets only so many queries and transactions into the driver at once; the rest wait here, in their order.
 *
 * Left to itself the driver sends up to a hundred queries down a busy connection, and when it is a BEGIN that fills that
 * measure it forgets to reserve the connection: the transaction stays open and later queries of others run inside of it
 * (porsager/postgres issues 823, 1189, 1210). Admission here also tells how many connections are at work, which the
 * driver keeps to itself.
 */
import type postgres from 'postgres';
import type { PoolState } from '../telemetry/index.js';

/** The part of the driver's query object that tells of its start and its end. */
interface DriverQuery {
  handler: ((query: DriverQuery) => void) & { debug?: unknown };
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Even if the driver sent all of these down one connection, none would fill its measure of a hundred. */
const ADMITTED = 64;

export class PoolGate {
  readonly #max: number;
  readonly #admitted: number;
  readonly #waiting: (() => void)[] = [];
  /** Queries and transactions in the driver; above the size of the pool they share connections or wait. */
  #inside = 0;
  #busyMs = 0;
  #countedAt = performance.now();

  /** @param max connections of the pool */
  constructor(max: number) {
    this.#max = max;
    this.#admitted = Math.max(max, ADMITTED);
  }

  get state(): PoolState {
    this.#count(0);
    const active = Math.min(this.#inside, this.#max);
    return {
      active,
      idle: this.#max - active,
      max: this.#max,
      waiting: this.#inside - active + this.#waiting.length,
      busySeconds: this.#busyMs / 1000,
    };
  }

  /** Runs `work` when it is admitted, and counts it as one connection for as long as it takes. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => this.#enter(go));
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** The client with every query at the gate that is not part of a transaction; transactions come {@link during}. */
  guard<C extends postgres.Sql<{ int8: number }>>(client: C): C {
    const unsafe = (...args: unknown[]) => this.#watch(Reflect.apply(client.unsafe as never, client, args));
    return new Proxy(client, {
      apply: (target, self, args) => this.#watch(Reflect.apply(target as never, self, args)),
      get: (target, name) => (name === 'unsafe' ? unsafe : Reflect.get(target, name)),
    });
  }

  /** A tagged template also makes things that are no queries, such as identifiers; those pass. */
  #watch(made: unknown): unknown {
    const query = made as Partial<DriverQuery> | undefined;
    if (typeof query?.handler !== 'function') return made;
    const execute = query.handler;
    const guarded = (each: DriverQuery): void => {
      const { resolve, reject } = each;
      let open = true;
      // The driver may also reject what it has resolved, when a connection ends.
      const end = () => {
        if (open) this.#leave();
        open = false;
      };
      each.resolve = (value) => {
        end();
        resolve(value);
      };
      each.reject = (error) => {
        end();
        reject(error);
      };
      this.#enter(() => execute(each));
    };
    query.handler = Object.assign(guarded, { debug: execute.debug });
    return made;
  }

  #enter(start: () => void): void {
    if (this.#inside === this.#admitted) {
      this.#waiting.push(start);
      return;
    }
    this.#count(1);
    start();
  }

  /** The driver tells of the end before it has the connection back, so the next one starts a moment later. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#count(-1);
    else queueMicrotask(next);
  }

  #count(by: number): void {
    const now = performance.now();
    this.#busyMs += Math.min(this.#inside, this.#max) * (now - this.#countedAt);
    this.#countedAt = now;
    this.#inside += by;
  }
}
