/** One HTTP exchange over node:http, because `fetch` cannot send the GET bodies that signed reads travel in. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ApiError, NetworkError } from './errors.js';

/** Far above any JSON answer; stops a wrong address from filling the memory. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface Exchange {
  method: string;
  url: URL;
  headers: Record<string, string>;
  /** JSON text; absent = no body. */
  body?: string | undefined;
  /** Longest silence on the socket, milliseconds. */
  timeoutMs: number;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Sends a request and reads the whole answer; redirects are handed back as they are. @throws NetworkError */
export function exchange({ method, url, headers, body, timeoutMs }: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(networkError(error, url));
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = send(url, { method, headers: { ...headers, ...length } }, (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) incoming.destroy(new NetworkError(`${url.host} sent too much`, 'TOO_LARGE'));
        else chunks.push(chunk);
      });
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
      incoming.on('error', fail);
    });
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new NetworkError(`${url.host} did not answer within ${timeoutMs / 1000} s`, 'ETIMEDOUT')),
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** Errors of this client stay as they are. */
export function networkError(error: NodeJS.ErrnoException, url: URL): Error {
  if (error instanceof NetworkError || error instanceof ApiError) return error;
  return new NetworkError(explain(error, url), error.code ?? 'NETWORK', error);
}

function explain(error: NodeJS.ErrnoException, url: URL): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `nothing listens on ${url.host}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${url.hostname} is unknown`;
    case 'ECONNRESET':
      return `${url.host} broke off the connection`;
    default:
      return `${url.host} cannot be reached: ${error.message || error.code || 'unknown reason'}`;
  }
}
