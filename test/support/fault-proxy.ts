/** A proxy in front of a real HTTP server that misbehaves as told, for tests of retries. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** Answers by itself; the server never sees the request. */
  | { kind: 'answer'; status: number; body: string }
  /** Closes the connection before an answer. */
  | { kind: 'reset' }
  /** Lets the server work, then closes the connection instead of passing the answer on. */
  | { kind: 'lose-answer' }
  /** Passes on this many bytes of the answer's body, then closes the connection. */
  | { kind: 'cut'; after: number }
  /** Passes on this many bytes of the answer's body, then nothing more. */
  | { kind: 'stall'; after: number };

export interface FaultProxy {
  endpoint: string;
  /** Requests seen, as `METHOD path`. */
  seen: string[];
  /** Asked for each request; undefined passes it on. */
  decide: (method: string, url: string) => Fault | undefined;
  /** Misbehaves once per fault given, in order, for requests that `matches`. */
  plan(faults: Fault[], matches?: (method: string, url: string) => boolean): void;
  close(): Promise<void>;
}

/** An S3 error as the service words it. */
export function s3Error(status: number, code: string): Fault {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>planned</Message></Error>`;
  return { kind: 'answer', status, body };
}

/** @param target base URL of the real server */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const server = createServer((incoming, outgoing) => {
    const method = incoming.method ?? '';
    const url = incoming.url ?? '';
    proxy.seen.push(`${method} ${url}`);
    const fault = proxy.decide(method, url);
    if (fault?.kind === 'reset') {
      incoming.socket.resetAndDestroy();
    } else if (fault?.kind === 'answer') {
      incoming.resume().once('end', () => {
        outgoing.writeHead(fault.status, { 'content-type': 'application/xml' }).end(fault.body);
      });
    } else {
      passOn(target, incoming, outgoing, fault);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    decide: () => undefined,
    plan(faults, matches = () => true) {
      const left = [...faults];
      proxy.seen.length = 0;
      proxy.decide = (method, url) => (matches(method, url) ? left.shift() : undefined);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** The Host header goes through unchanged, because the signature covers it. */
function passOn(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  const { hostname, port } = new URL(target);
  const { method, url: path, headers } = incoming;
  const upstream = request({ hostname, port, method, path, headers }, (answer) => {
    if (fault?.kind === 'lose-answer') {
      answer.resume().once('end', () => incoming.socket.resetAndDestroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    let left = fault?.kind === 'cut' || fault?.kind === 'stall' ? fault.after : Number.POSITIVE_INFINITY;
    answer.on('data', (chunk: Buffer) => {
      if (left === 0) return;
      const part = chunk.subarray(0, left);
      left -= part.length;
      outgoing.write(part, () => {
        if (left === 0 && fault?.kind === 'cut') incoming.socket.destroy();
      });
    });
    answer.once('end', () => {
      if (left > 0) outgoing.end();
    });
  });
  upstream.once('error', () => incoming.socket.destroy());
  incoming.pipe(upstream);
}
