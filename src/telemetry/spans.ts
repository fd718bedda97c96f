/** What code without a tracer at hand says about the span it runs in. Without tracing none of this does anything. */
import { createHash } from 'node:crypto';
import { currentSpan } from './current.js';
import type { Attributes, SpanIdentity } from './tracing.js';

/** Runs work as a child of the current span. */
export async function inSpan<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  const span = currentSpan()?.child(name, attributes);
  if (span === undefined) return work();
  try {
    return await span.run(work);
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

/** Notes that the current span enters a phase. @param after only from this one */
export function notePhase(name: string | undefined, after?: string): void {
  currentSpan()?.phase(name, after);
}

/** Notes a call that has ended just now. */
export function recordSpan(name: string, seconds: number, attributes: Attributes, error?: string): void {
  currentSpan()?.record(name, seconds, attributes, error);
}

/**
 * Ids of the span in which an outbox row is dealt with. They follow from the audit event and the topic, so that whoever
 * writes the event can link to the span before it begins, on whichever node that will be.
 */
export function outboxSpan(eventId: string, topic: string, attempt: number): SpanIdentity {
  const spanId = createHash('sha256').update(`${eventId} ${topic} ${attempt}`).digest('hex').slice(0, 16);
  return { traceId: eventId.replaceAll('-', '').toLowerCase(), spanId };
}

/** Links the current span to the work that follows from an audit event. */
export function linkOutbox(eventId: string, topics: readonly string[]): void {
  const span = currentSpan();
  if (span !== undefined) for (const topic of topics) span.link(outboxSpan(eventId, topic, 1));
}
