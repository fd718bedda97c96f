/** A collector of traces: takes OTLP over HTTP as JSON and keeps every span. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** 1 = internal, 2 = server, 5 = consumer. */
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, string | number | boolean>;
  links: { traceId: string; spanId: string }[];
  /** 2 = error. */
  status: { code?: number; message?: string };
  /** Attributes of the process. */
  resource: Record<string, string | number | boolean>;
}

export interface Collector {
  endpoint: string;
  spans: CollectedSpan[];
  /** Everything received, as text. */
  text(): string;
  close(): Promise<void>;
}

type Wire = { key: string; value: Record<string, string | number | boolean> }[];

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const isTraces = incoming.url === '/v1/traces' && incoming.headers['content-type'] === 'application/json';
    if (isTraces) {
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const span of scopeSpans.flatMap((scope: { spans: unknown[] }) => scope.spans)) {
          const attributes = plain(span.attributes ?? []);
          spans.push({ links: [], ...span, attributes, resource: plain(resource.attributes) });
        }
      }
    }
    outgoing.writeHead(isTraces ? 200 : 400, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    text: () => bodies.join('\n'),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function plain(attributes: Wire): Record<string, string | number | boolean> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? '']));
}
