/** A client that keeps a number of connections busy for some seconds. */
import { Agent, request } from 'node:http';

export interface Shot {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * @param next the next request
 * @returns answers per second
 * @throws Error for any answer that is no success: a fast refusal is no throughput
 */
export async function load(url: string, next: () => Shot, clients: number, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const started = performance.now();
  const end = started + seconds * 1000;
  let done = 0;
  const client = async () => {
    while (performance.now() < end) {
      await shoot(url, agent, next());
      done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return done / ((performance.now() - started) / 1000);
}

function shoot(url: string, agent: Agent, { method, path, headers = {}, body }: Shot): Promise<void> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(url + path, { method, agent, headers: { ...headers, ...length } }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      incoming.on('error', reject);
      incoming.on('end', () =>
        (incoming.statusCode ?? 0) < 300 ? resolve() : reject(new Error(`${path}: ${incoming.statusCode} ${text}`)),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
