/**
 * Keeps a transaction from using its connection once that is gone.
 *
 * The driver goes on with a transaction whose connection was cut: a query or its own ROLLBACK then writes to a socket
 * that is not there, which no caller can catch and which ends the process, or runs on the connection that took the old
 * one's place, outside of any transaction (porsager/postgres issues 1133, 1155, 1208). So queries of a lost transaction
 * are refused before they reach the driver, and the driver is never told that the work has ended.
 */
import type postgres from 'postgres';
import type { DriverQuery } from './client.js';
import { isConnectionLost } from './errors.js';

export class TransactionWatch {
  #lost: unknown;
  #give: (error: unknown) => void = () => {};

  /** Rejects when a query of the transaction finds the connection gone; never resolves. */
  readonly gone = new Promise<never>((_, reject) => {
    this.#give = reject;
  });

  constructor() {
    this.gone.catch(() => {});
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  lose(error: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#give(error);
  }

  /** Runs the work of the transaction; does not end when the connection is lost meanwhile. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      if (this.isLost) await new Promise<never>(() => {});
    }
  }

  /** The client of the transaction, with every query under watch. */
  guard<C extends postgres.ISql<{ int8: number }>>(client: C): C {
    return new Proxy(client, {
      apply: (target, self, args) => this.#watch(Reflect.apply(target as never, self, args)),
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (name !== 'unsafe') return value;
        return (...args: unknown[]) => this.#watch(Reflect.apply(value as never, target, args));
      },
    });
  }

  /** A tagged template also makes things that are no queries, such as identifiers; those pass. */
  #watch(made: unknown): unknown {
    const query = made as Partial<DriverQuery> | undefined;
    if (typeof query?.handler !== 'function') return made;
    const execute = query.handler;
    const guarded = (each: DriverQuery): void => {
      if (this.isLost) {
        each.reject(this.#lost);
        return;
      }
      const reject = each.reject;
      each.reject = (error) => {
        if (isConnectionLost(error)) this.lose(error);
        reject(error);
      };
      execute(each);
    };
    query.handler = Object.assign(guarded, { debug: execute.debug });
    return made;
  }
}
