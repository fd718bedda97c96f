/** A plain HTTP proxy that sends each request to the next node, so that no two requests of a command meet one node. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

export interface RoundRobin {
  url: string;
  /** Sets the nodes; requests before that are answered with 503. */
  use(urls: readonly string[]): void;
  close(): Promise<void>;
}

export async function roundRobin(): Promise<RoundRobin> {
  let targets: readonly string[] = [];
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const target = targets[turn++ % targets.length];
    if (target === undefined) {
      outgoing.writeHead(503).end();
      return;
    }
    const { hostname, port } = new URL(target);
    const upstream = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        // A node that dies in the middle of an answer must cut its client off too, not leave it waiting.
        pipeline(answer, outgoing, () => {});
      },
    );
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    use(urls) {
      targets = urls;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
