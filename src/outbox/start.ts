/** The outbox workers of a node: any number of nodes may run them on one database. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { OUTBOX_CHANNEL, type OutboxTopic } from '../audit/index.js';
import type { Config } from '../config.js';
import type { AppContext } from '../context.js';
import { Bell } from './bell.js';
import type { TopicHandlers, WantedEvents } from './event.js';
import { handleEvent } from './handle.js';
import { BATCH, claimEvents, passEvents, releaseAbandoned, returnEvents } from './store.js';

/** Rows also turn up by waiting for their time, or while the connection that tells of them is down. */
const POLL_MS = 5_000;
const ABANDONED_MS = 30_000;
/** Where nobody wanted the last rows of a topic, the next ones are looked at no sooner than this. */
const UNWANTED_PAUSE_MS = 500;
/** Rows passed over in one statement. */
const PASS_LIMIT = 1_000;
/** `locked_by` has 64 characters; an id of 36 and two separators leave this much for the host. */
const HOST_LENGTH = 16;

export interface OutboxOptions {
  handlers: TopicHandlers;
  /** Which rows of a topic its handler is called for; all of them where nothing is said. */
  wanted?: Partial<Record<OutboxTopic, WantedEvents>>;
  /** Topics to mark processed because nobody consumes them. A topic that is named nowhere is left alone. */
  unconsumed?: readonly OutboxTopic[];
  /** Milliseconds between looks at the table without being told of anything. */
  pollMs?: number;
}

export interface Outbox {
  /** Ends after the rows at hand; rows taken and not begun are given back. */
  stop(): Promise<void>;
}

/** Whether this node holds a connection for LISTEN beside its pool: not when it is allowed so few that work needs all. */
export function listensToOutbox(config: Pick<Config, 'DATABASE_MAX_CONNECTIONS'>): boolean {
  return config.DATABASE_MAX_CONNECTIONS > 2;
}

/**
 * Starts one loop per topic, so that a slow topic does not hold up the others. A loop wakes when a row of its topic is
 * committed anywhere (LISTEN), and by polling. The listening connection comes back by itself and ends with the pool.
 */
export function startOutbox(ctx: AppContext, options: OutboxOptions): Outbox {
  const { handlers, wanted = {}, unconsumed = [], pollMs = POLL_MS } = options;
  const controller = new AbortController();
  const stop = controller.signal;
  const worker = `${hostname().slice(0, HOST_LENGTH)}:${process.pid}:${randomUUID()}`.slice(0, 64);
  const bells = new Map<string, Bell>();
  const loops: Promise<void>[] = [];
  const start = (topic: string | undefined, everyMs: number, round: () => Promise<boolean>) => {
    const bell = new Bell();
    if (topic !== undefined) bells.set(topic, bell);
    loops.push(loop(ctx, bell, everyMs, stop, round));
  };

  for (const [topic, handler] of Object.entries(handlers)) {
    start(topic, pollMs, async () => {
      const { events, passed } = await claimEvents(ctx.db, topic, worker, wanted[topic as OutboxTopic]);
      if (passed > 0) ctx.metrics.outboxHandled.inc({ topic, outcome: 'processed' }, passed);
      for (const [index, event] of events.entries()) {
        if (stop.aborted) {
          await returnEvents(ctx.db, events.slice(index));
          break;
        }
        await handleEvent(ctx, event, handler, stop);
      }
      const more = events.length + passed === BATCH;
      if (!more && passed > 0 && events.length === 0) await pause(UNWANTED_PAUSE_MS, stop);
      return more;
    });
  }
  if (unconsumed.length > 0) {
    // Nobody waits for these, so they are not told of one by one.
    start(undefined, pollMs, async () => (await passEvents(ctx.db, unconsumed, PASS_LIMIT)) === PASS_LIMIT);
  }
  start(undefined, ABANDONED_MS, async () => {
    const released = await releaseAbandoned(ctx.db, Object.keys(handlers));
    if (released > 0) for (const bell of bells.values()) bell.ring();
    return false;
  });
  if (listensToOutbox(ctx.config)) listen(ctx, bells);
  return {
    async stop() {
      controller.abort();
      await Promise.all(loops);
    },
  };
}

/** Ends early when told to stop. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal: stop }).catch(() => {});
}

/** @param round does some work and tells whether there may be more at once */
async function loop(
  ctx: AppContext,
  bell: Bell,
  everyMs: number,
  stop: AbortSignal,
  round: () => Promise<boolean>,
): Promise<void> {
  while (!stop.aborted) {
    let more = false;
    try {
      more = await round();
    } catch (error) {
      if (!stop.aborted) ctx.log.warn({ err: error }, 'the outbox cannot be read, will be tried again');
    }
    if (!more) await bell.sleep(everyMs, stop);
  }
}

function listen(ctx: AppContext, bells: ReadonlyMap<string, Bell>): void {
  const told = (topic: string) => bells.get(topic)?.ring();
  // What was told while the connection was down is lost, so each new one looks at everything.
  const connected = () => {
    for (const bell of bells.values()) bell.ring();
  };
  ctx.db.listen(OUTBOX_CHANNEL, told, connected);
}
