import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace-base';

/** A trace with more spans than this is of interest whatever comes of it. */
const MAX_HELD = 500;

/** Holds spans of tentative traces back until somebody decides; background jobs look for work far more often than they find some. */
export class HeldBack implements SpanProcessor {
  readonly #next: SpanProcessor;
  readonly #held = new Map<string, ReadableSpan[]>();

  constructor(next: SpanProcessor) {
    this.#next = next;
  }

  hold(traceId: string): void {
    this.#held.set(traceId, []);
  }

  /** Passes on what was held back of a trace, and from now on everything of it. */
  release(traceId: string): void {
    const spans = this.#held.get(traceId) ?? [];
    this.#held.delete(traceId);
    for (const span of spans) this.#next.onEnd(span);
  }

  discard(traceId: string): void {
    this.#held.delete(traceId);
  }

  onStart(span: Span, parent: Parameters<SpanProcessor['onStart']>[1]): void {
    this.#next.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    const { traceId } = span.spanContext();
    const held = this.#held.get(traceId);
    if (held === undefined) this.#next.onEnd(span);
    else if (held.push(span) > MAX_HELD) this.release(traceId);
  }

  forceFlush(): Promise<void> {
    return this.#next.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#next.shutdown();
  }
}
