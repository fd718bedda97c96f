/** What a handler of outbox rows gets and gives. */
import type { OutboxTopic } from '../audit/index.js';
import type { Queryable, Tx } from '../db/index.js';

/** A claimed outbox row and the audit event that it follows from. */
export interface OutboxEvent {
  outboxId: string;
  topic: OutboxTopic;
  /** Counts this attempt: 1 the first time. With `worker` it tells this claim from any later one. */
  attempts: number;
  /** Who holds the row. */
  worker: string;
  eventId: string;
  agentId: string;
  action: string;
  resourceType: string;
  resourceId: string;
  data: Record<string, unknown>;
  timestamp: Date;
}

/**
 * Deals with one event. What it does itself may happen more than once; the work it returns runs in the transaction that
 * marks the row processed, so that has its effect exactly once, whenever a node dies.
 *
 * Throwing means another attempt later, and a dead letter in the end.
 * @param stop set when the node is stopping; long work should give up by throwing
 */
export type TopicHandler = (
  event: OutboxEvent,
  stop: AbortSignal,
) => Promise<((tx: Tx) => Promise<void>) | undefined | void>;

export type TopicHandlers = Partial<Record<OutboxTopic, TopicHandler>>;

/**
 * A condition in SQL on the audit event `a`; where it is false the row is marked processed without a call of the handler.
 * It may say yes where the handler then finds nothing to do.
 */
export type WantedEvents = (db: Queryable) => ReturnType<Queryable['sql']>;
