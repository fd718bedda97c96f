/** One HTTP request with a body in memory, and its whole answer. */
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CONNECT_MS, type Connection, IDLE_MS } from './client.js';
import type { Target } from './target.js';

/** An answer with an error is a few hundred bytes of XML. */
const MAX_ERROR_BYTES = 64 * 1024;

/** A refusal by the service, shaped like the SDK's own errors so that the same table judges both. */
export class ServiceError extends Error {
  readonly $metadata: { httpStatusCode: number };
  /** The service's clock, from the Date header. */
  readonly date: string | undefined;

  constructor(name: string, status: number, date: string | undefined) {
    super(`${name} (HTTP ${status})`);
    this.name = name;
    this.$metadata = { httpStatusCode: status };
    this.date = date;
  }
}

/**
 * Sends a request over a kept connection. Answers of 2xx are read to their end and dropped.
 * @param headers names and values in turns, with Host and Content-Length
 * @throws ServiceError for any other answer, the system's error when the connection fails, and an error called
 * `TimeoutError` when it stands still
 */
export function exchange(
  agents: Connection['agents'],
  target: Target,
  { method, path, headers, body }: { method: string; path: string; headers: readonly string[]; body: Uint8Array },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = target.protocol === 'https:' ? requestHttps : requestHttp;
    const { hostname, port } = target;
    const outgoing = send({ agent: agents[target.protocol], hostname, port, method, path, headers, setHost: false });
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => {
      answer.once('error', reject);
      if (answer.statusCode !== undefined && answer.statusCode >= 200 && answer.statusCode < 300) {
        answer.once('end', resolve).resume();
      } else readError(answer, reject);
    });
    limitTime(outgoing);
    outgoing.end(body);
  });
}

function readError(answer: IncomingMessage, fail: (error: Error) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  answer.on('data', (chunk: Buffer) => {
    if (size < MAX_ERROR_BYTES) chunks.push(chunk);
    size += chunk.length;
  });
  answer.once('end', () => {
    const code = /<Code>([\w.]{1,100})<\/Code>/.exec(Buffer.concat(chunks).toString('latin1'))?.[1];
    fail(new ServiceError(code ?? 'Unknown', answer.statusCode ?? 0, answer.headers.date));
  });
}

/** Socket time-outs count from the last byte in either direction; a connection that is being made has its own. */
function limitTime(outgoing: ClientRequest): void {
  const expire = () => outgoing.destroy(Object.assign(new Error('The request timed out.'), { name: 'TimeoutError' }));
  outgoing.setTimeout(IDLE_MS, expire);
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(expire, CONNECT_MS);
    const done = () => clearTimeout(timer);
    socket.once('connect', done).once('close', done);
  });
}
