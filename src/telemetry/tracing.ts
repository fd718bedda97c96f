/** Spans as the rest of the server sees them; who makes them real is loaded only when traces are wanted. */

export type Attributes = Record<string, string | number | boolean | undefined>;

/** Ids of a span that is known before it begins. */
export interface SpanIdentity {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
}

export interface SpanOptions {
  kind?: 'server' | 'consumer' | 'internal';
  attributes?: Attributes;
  /** W3C header of whoever asks for the work; anything else in it is as good as none. */
  traceparent?: string | undefined;
  tracestate?: string | undefined;
  identity?: SpanIdentity;
  /** True when the span may turn out to be of no interest: it and its children are held back until it ends. */
  tentative?: boolean;
}

export interface RunningSpan {
  /** Runs work in which this is the current span, also behind its awaits. */
  run<T>(work: () => T): T;
  child(name: string, attributes?: Attributes): RunningSpan;
  /** A child that has ended just now. @param error what it failed with */
  record(name: string, seconds: number, attributes: Attributes, error?: string): void;
  /**
   * Ends the phase that the span is in and begins the next one; children that begin from now on belong to it.
   * @param name undefined = no further phase
   * @param after only when the span is in this phase
   */
  phase(name: string | undefined, after?: string): void;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Links the outermost span of this work to another one. */
  link(to: SpanIdentity): void;
  /** @param error its code or its name is kept; messages may quote what is secret */
  fail(error?: unknown): void;
  /** Ends the span and its phase. @param discard for tentative spans: nobody gets to see it */
  end(discard?: boolean): void;
}

export interface Tracing {
  /** Begins a span that has no parent in this process. */
  start(name: string, options?: SpanOptions): RunningSpan;
  /** Sends what is waiting, for a few seconds at most. */
  close(): Promise<void>;
}
