/** Tells other connections and nodes of what was committed (PostgreSQL manual, NOTIFY). */
import type postgres from 'postgres';
import { commitLater } from './commit-later.js';

/** What is told together; as many commits may wait for one statement that is on its way. */
const MAX_TOLD = 10_000;

/**
 * Sends notifications outside of the transactions they follow from, those of one moment in one statement.
 *
 * A transaction that notifies holds a lock of the whole database server from before its commit record is flushed until
 * after it, so all such commits, of whatever repository, would wait for the disk one after the other. What is told here
 * is lost when the process dies between commit and statement; whoever listens must also look from time to time.
 */
export class Notifier {
  readonly #sql: postgres.ISql<{ int8: number }>;
  #waiting = new Map<string, { channel: string; payload: string }>();
  #busy = false;

  constructor(sql: postgres.ISql<{ int8: number }>) {
    this.#sql = sql;
  }

  /** Never fails and never waits. */
  tell(channel: string, payload: string): void {
    if (this.#waiting.size >= MAX_TOLD) return;
    this.#waiting.set(`${channel} ${payload}`, { channel, payload });
    if (this.#busy) return;
    this.#busy = true;
    // A commit tells several things, and whoever waits for its answer goes first.
    setImmediate(() => void this.#send());
  }

  async #send(): Promise<void> {
    while (this.#waiting.size > 0) {
      const told = [...this.#waiting.values()];
      this.#waiting = new Map();
      // A statement that notifies commits like one that writes, and would wait for the disk for nothing.
      await this.#sql`
        SELECT pg_notify(channel, payload), ${commitLater({ sql: this.#sql })} FROM unnest(${told.map(({ channel }) => channel)}::text[],
          ${told.map(({ payload }) => payload)}::text[]) AS told(channel, payload)`.catch(() => {});
    }
    this.#busy = false;
  }
}
