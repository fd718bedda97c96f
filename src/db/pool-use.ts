/** Counts what the driver keeps to itself: how many connections of a pool are at work, and what waits for one. */
import type postgres from 'postgres';
import type { PoolState } from '../telemetry/index.js';

/** The part of the driver's query object that tells of its start and its end. */
interface DriverQuery {
  handler: ((query: DriverQuery) => void) & { debug?: unknown };
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class PoolUse {
  readonly #max: number;
  /** Queries and transactions begun and not ended; above the size of the pool they wait. */
  #count = 0;
  #busyMs = 0;
  #countedAt = performance.now();

  constructor(max: number) {
    this.#max = max;
  }

  get state(): PoolState {
    this.#change(0);
    const active = Math.min(this.#count, this.#max);
    return {
      active,
      idle: this.#max - active,
      max: this.#max,
      waiting: this.#count - active,
      busySeconds: this.#busyMs / 1000,
    };
  }

  /** Counts `work` as one connection for as long as it takes. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#change(1);
    try {
      return await work();
    } finally {
      this.#change(-1);
    }
  }

  /** The client with every query counted that is not part of a transaction; transactions are counted as such. */
  counting<C extends postgres.Sql<{ int8: number }>>(client: C): C {
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
    const counted = (each: DriverQuery): void => {
      const { resolve, reject } = each;
      let open = true;
      // The driver may also reject what it has resolved, when a connection ends.
      const end = () => {
        if (open) this.#change(-1);
        open = false;
      };
      this.#change(1);
      each.resolve = (value) => {
        end();
        resolve(value);
      };
      each.reject = (error) => {
        end();
        reject(error);
      };
      execute(each);
    };
    query.handler = Object.assign(counted, { debug: execute.debug });
    return made;
  }

  #change(by: number): void {
    const now = performance.now();
    this.#busyMs += Math.min(this.#count, this.#max) * (now - this.#countedAt);
    this.#countedAt = now;
    this.#count += by;
  }
}
