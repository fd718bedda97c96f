/** Traces sent to a collector: OTLP over HTTP (opentelemetry.io, "OTLP Specification"). */
import { hostname } from 'node:os';
import { DiagLogLevel, diag, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import type { Logger } from 'pino';
import type { TracingConfig } from '../../config.js';
import type { SpanOptions, Tracing } from '../tracing.js';
import { HeldBack } from './held-back.js';
import { Ids } from './ids.js';
import { parentOf } from './parent.js';
import { OtlpSpan, present } from './span.js';

/** A collector that does not answer must not keep a node from stopping. */
const CLOSE_MS = 5_000;

const KINDS = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL };

/** Sampling and batching follow the variables OTEL_TRACES_SAMPLER and OTEL_BSP_* that the SDK itself reads. */
export function startTracing({ endpoint, serviceName }: TracingConfig, log: Logger): Tracing {
  const warn = (message: string, ...details: unknown[]) => log.warn({ details }, `tracing: ${message}`);
  const silent = () => {};
  diag.setLogger({ error: warn, warn, info: silent, debug: silent, verbose: silent }, DiagLogLevel.WARN);
  const spans = new HeldBack(new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` })));
  const ids = new Ids();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_INSTANCE_ID]: `${hostname()}:${process.pid}`,
    }),
    idGenerator: ids,
    spanProcessors: [spans],
  });
  const tracer = provider.getTracer('gitclaw');
  return {
    start(name, options: SpanOptions = {}) {
      const { kind = 'internal', attributes = {}, traceparent, tracestate, identity, tentative = false } = options;
      const parent = traceparent === undefined ? ROOT_CONTEXT : parentOf(traceparent, tracestate);
      const begin = () => tracer.startSpan(name, { kind: KINDS[kind], attributes: present(attributes) }, parent);
      const span = ids.giving(identity, begin);
      if (!tentative) return new OtlpSpan(tracer, span);
      const { traceId } = span.spanContext();
      spans.hold(traceId);
      return new OtlpSpan(tracer, span, (discard, end) => {
        end();
        if (discard) spans.discard(traceId);
        else spans.release(traceId);
      });
    },
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const tooLong = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([provider.shutdown().catch(warn), tooLong]);
      clearTimeout(timer);
    },
  };
}
