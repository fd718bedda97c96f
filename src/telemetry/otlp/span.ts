import {
  type Attributes as OtlpAttributes,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { runIn } from '../current.js';
import type { Attributes, RunningSpan, SpanIdentity } from '../tracing.js';

export class OtlpSpan implements RunningSpan {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #ending: (discard: boolean, end: () => void) => void;
  #phase: { name: string; span: Span } | undefined;

  /** The span that has no parent in this process, which is what links are looked for at. */
  readonly #root: Span;

  /** @param ending told before the span ends; it calls `end` */
  constructor(tracer: Tracer, span: Span, ending = (_: boolean, end: () => void): void => end(), root = span) {
    this.#tracer = tracer;
    this.#span = span;
    this.#ending = ending;
    this.#root = root;
  }

  run<T>(work: () => T): T {
    return runIn(this, work);
  }

  child(name: string, attributes: Attributes = {}): RunningSpan {
    return new OtlpSpan(this.#tracer, this.#begin(name, attributes, this.#phase?.span), undefined, this.#root);
  }

  record(name: string, seconds: number, attributes: Attributes, error?: string): void {
    const now = Date.now();
    const span = this.#begin(name, attributes, this.#phase?.span, now - seconds * 1000);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(now);
  }

  phase(name: string | undefined, after?: string): void {
    if (after !== undefined && this.#phase?.name !== after) return;
    this.#phase?.span.end();
    this.#phase = name === undefined ? undefined : { name, span: this.#begin(name, {}, undefined) };
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(present(attributes));
  }

  link(to: SpanIdentity): void {
    this.#root.addLink({ context: { ...to, traceFlags: TraceFlags.SAMPLED } });
  }

  fail(error?: unknown): void {
    const { code, name } = (error instanceof Error ? error : {}) as { code?: unknown; name?: string };
    const message = typeof code === 'string' ? code : name;
    this.#span.setStatus({ code: SpanStatusCode.ERROR, ...(message === undefined ? {} : { message }) });
  }

  end(discard = false): void {
    this.phase(undefined);
    this.#ending(discard, () => this.#span.end());
  }

  #begin(name: string, attributes: Attributes, parent: Span = this.#span, startTime?: number): Span {
    const options = { attributes: present(attributes), ...(startTime === undefined ? {} : { startTime }) };
    return this.#tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, parent));
  }
}

export function present(attributes: Attributes): OtlpAttributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
