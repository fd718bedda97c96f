import type { IncomingMessage } from 'node:http';
import type { AppContext } from '../../context.js';
import type { RunningSpan } from '../../telemetry/index.js';
import type { Traffic } from './traffic.js';

/** What the log says of a request. */
export interface RequestLine extends Traffic {
  requestId: string;
  agent: string | undefined;
  repository: string | undefined;
  operation: string | undefined;
  method: string;
  route: string;
  status: number;
  objects: number | undefined;
  ms: number;
}

/** A span of the client's trace, if it sent one along. */
export function beginSpan(
  { tracing }: AppContext,
  { method = 'GET', headers }: IncomingMessage,
): RunningSpan | undefined {
  const { traceparent, tracestate } = headers;
  return tracing?.start(method, {
    kind: 'server',
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    tracestate: typeof tracestate === 'string' ? tracestate : undefined,
  });
}

/** Names follow the semantic conventions of OpenTelemetry for HTTP; what is ours has a prefix. */
export function endSpan(span: RunningSpan, line: RequestLine, failed: boolean): void {
  span.rename(`${line.method} ${line.route}`);
  span.set({
    'http.request.method': line.method,
    'http.route': line.route,
    'http.response.status_code': line.status,
    'gitclaw.request.id': line.requestId,
    'gitclaw.agent.id': line.agent,
    'gitclaw.repository.id': line.repository,
    'gitclaw.operation': line.operation,
    'gitclaw.objects': line.objects,
    'gitclaw.bytes.in': line.bytesIn,
    'gitclaw.bytes.out': line.bytesOut,
  });
  if (failed) span.fail();
  span.end();
}
