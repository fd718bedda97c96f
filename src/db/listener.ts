/** Hears what is told on channels (PostgreSQL manual, LISTEN), on a connection of its own that comes back when lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type ConnectionOptions } from './connection.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

interface Subscription {
  told(payload: string): void;
  connected(): void;
}

export class Listener {
  readonly #options: ConnectionOptions;
  readonly #channels = new Map<string, Set<Subscription>>();
  readonly #stop = new AbortController();
  #connection: Connection | undefined;
  #running: Promise<void> | undefined;

  constructor(options: Omit<ConnectionOptions, 'heard'>) {
    this.#options = { ...options, heard: (channel, payload) => this.#heard(channel, payload) };
  }

  /**
   * @param told called with each payload
   * @param connected called when listening begins, and each time it begins anew: what was told in between is lost
   * @returns what ends it
   */
  listen(channel: string, told: (payload: string) => void, connected: () => void = () => {}): () => void {
    const subscription = { told, connected };
    const subscriptions = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, subscriptions.add(subscription));
    this.#running ??= this.#run();
    if (this.#connection !== undefined) void this.#begin(this.#connection, channel, [subscription]);
    return () => void subscriptions.delete(subscription);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#connection?.close(0);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        const connection = await Connection.open(this.#options, signal);
        this.#connection = connection;
        if (signal.aborted) await connection.close(0);
        for (const [channel, subscriptions] of this.#channels) await this.#begin(connection, channel, subscriptions);
        pauseMs = FIRST_PAUSE_MS;
        await connection.ended;
      } catch {
        // Whoever listens also looks from time to time, and says so when the database is away.
      }
      this.#connection = undefined;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  async #begin(connection: Connection, channel: string, subscriptions: Iterable<Subscription>): Promise<void> {
    // One that does not listen is of no use: the next one is tried.
    await connection.execute(`LISTEN "${channel.replaceAll('"', '""')}"`).catch(() => connection.close(0));
    if (connection.isLost) return;
    for (const { connected } of [...subscriptions]) connected();
  }

  #heard(channel: string, payload: string): void {
    for (const { told } of this.#channels.get(channel) ?? []) told(payload);
  }
}
