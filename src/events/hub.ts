/** What the event streams of a node share: one ear on the database, and a limit on their number. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENTS_CHANNEL, placeEvents } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { Bell, listensToOutbox } from '../outbox/index.js';

/** Streams of a node: each costs a connection and a query per wake-up. */
export const MAX_STREAMS = 500;
/** Streams of one agent, or of one address without an agent. */
export const MAX_PER_CLIENT = 20;
const RETRY_SECS = 5;
/** News of this span wake the streams of all events once. */
const GATHER_MS = 50;
/** Between looks, where no connection tells of news, and where one does but may be down. */
const POLL_MS = 2_000;
const POLL_WHILE_TOLD_MS = 10_000;

/** The key of streams that are about no single chain. */
const EVERYTHING = '';

export interface Seat {
  bell: Bell;
  /** Set when the seat is left or the node stops. */
  stop: AbortSignal;
  leave(): void;
}

export class EventHub {
  /** Milliseconds after which a stream looks without being told. */
  readonly pollMs: number;
  readonly #ctx: AppContext;
  readonly #bells = new Map<string, Set<Bell>>();
  readonly #clients = new Map<string, number>();
  readonly #stop = new AbortController();
  #streams = 0;
  #listening = false;
  #gathering = false;

  constructor(ctx: AppContext) {
    this.#ctx = ctx;
    this.pollMs = listensToOutbox(ctx.config) ? POLL_WHILE_TOLD_MS : POLL_MS;
  }

  /**
   * Takes a seat for a stream.
   * @param chainId undefined = all events
   * @throws AppError SERVER_BUSY when the node has too many streams or stops, RATE_LIMITED when the client has
   */
  enter(client: string, chainId: string | undefined): Seat {
    if (this.#stop.signal.aborted || this.#streams >= MAX_STREAMS) {
      throw new AppError('SERVER_BUSY', { message: 'No more event streams on this node.', retryAfter: RETRY_SECS });
    }
    const held = this.#clients.get(client) ?? 0;
    if (held >= MAX_PER_CLIENT) {
      throw new AppError('RATE_LIMITED', {
        message: `At most ${MAX_PER_CLIENT} event streams at once.`,
        details: { action: 'event_stream', limit: MAX_PER_CLIENT, window: 'at once', retryAfter: RETRY_SECS },
        retryAfter: RETRY_SECS,
      });
    }
    this.#listen();
    const key = chainId ?? EVERYTHING;
    const bell = new Bell();
    const bells = this.#bells.get(key) ?? new Set();
    this.#bells.set(key, bells.add(bell));
    this.#streams += 1;
    this.#clients.set(client, held + 1);
    const gone = new AbortController();
    return {
      bell,
      stop: AbortSignal.any([gone.signal, this.#stop.signal]),
      leave: () => {
        if (gone.signal.aborted) return;
        gone.abort();
        this.#streams -= 1;
        bells.delete(bell);
        if (bells.size === 0) this.#bells.delete(key);
        const rest = (this.#clients.get(client) ?? 1) - 1;
        if (rest === 0) this.#clients.delete(client);
        else this.#clients.set(client, rest);
      },
    };
  }

  /** Ends every stream; no more are let in. */
  close(): void {
    this.#stop.abort();
  }

  #listen(): void {
    if (this.#listening || !listensToOutbox(this.#ctx.config)) return;
    this.#listening = true;
    const told = (chainId: string) => {
      this.#ring(chainId);
      if (this.#bells.has(EVERYTHING)) void this.#gather();
    };
    // What was told while the connection was down is lost, so each new one looks at everything.
    const connected = () => {
      for (const key of this.#bells.keys()) this.#ring(key);
    };
    this.#ctx.db.listen(EVENTS_CHANNEL, told, connected);
  }

  async #gather(): Promise<void> {
    if (this.#gathering) return;
    this.#gathering = true;
    await sleep(GATHER_MS);
    // From here on news need a round of their own: this one may have looked already.
    this.#gathering = false;
    try {
      await placeEvents(this.#ctx.db, this.#ctx.metrics);
    } catch (error) {
      this.#ctx.log.debug({ err: error }, 'events could not be placed; a job does it later');
    }
    this.#ring(EVERYTHING);
  }

  #ring(key: string): void {
    for (const bell of this.#bells.get(key) ?? []) bell.ring();
  }
}

const hubs = new WeakMap<AppContext, EventHub>();

/** The hub of this node. */
export function hubOf(ctx: AppContext): EventHub {
  const known = hubs.get(ctx) ?? new EventHub(ctx);
  hubs.set(ctx, known);
  return known;
}

/** Ends the streams of a node that is stopping. */
export function endEventStreams(ctx: AppContext): void {
  hubOf(ctx).close();
}
