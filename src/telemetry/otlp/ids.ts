import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';
import type { SpanIdentity } from '../tracing.js';

/** Random ids, but for spans whose ids were agreed on before. */
export class Ids implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #agreed: SpanIdentity | undefined;

  /** Calls `begin`, which begins one span, with these ids. */
  giving<T>(identity: SpanIdentity | undefined, begin: () => T): T {
    this.#agreed = identity;
    try {
      return begin();
    } finally {
      this.#agreed = undefined;
    }
  }

  generateTraceId = (): string => this.#agreed?.traceId ?? this.#random.generateTraceId();
  generateSpanId = (): string => this.#agreed?.spanId ?? this.#random.generateSpanId();
}
