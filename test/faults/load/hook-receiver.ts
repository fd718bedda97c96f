/** A webhook receiver that is down now and then, and remembers what it accepted. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HookReceiver {
  url: string;
  /** Ids of deliveries it answered with success, and how often each came. */
  accepted: Map<string, number>;
  close(): Promise<void>;
}

/** Every seventh delivery is refused when it comes first; refused again and again, some of thousands would be given up. */
const REFUSES = 7;

export async function hookReceiver(): Promise<HookReceiver> {
  const accepted = new Map<string, number>();
  const refused = new Set<string>();
  let count = 0;
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const id = String(request.headers['x-gitclaw-delivery']);
      count += 1;
      if (count % REFUSES === 0 && !refused.has(id)) {
        refused.add(id);
        response.writeHead(503).end();
        return;
      }
      accepted.set(id, (accepted.get(id) ?? 0) + 1);
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    accepted,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
