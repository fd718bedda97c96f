/** What git's own client takes by itself: the answers of a server, repeated from memory. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Target } from '../support/target.js';

/** More than one command takes. */
const COMMAND_BYTES = 1024;

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Replay {
  /** Passes for the server whose answers it repeats. */
  target: Target;
  /** How many requests it had to hand on, because it had not seen them before. */
  handedOn(): number;
  /** The address of a repository here. @param url where the server has it */
  at(url: string): string;
}

/** Starts a server that asks `source` the first time, and answers from memory from then on. */
export async function startReplay(source: Target, origin: string): Promise<Replay> {
  const known = new Map<string, Answer>();
  const answer = async (incoming: IncomingMessage): Promise<Answer> => {
    const body = await read(incoming);
    const key = keyOf(incoming, body);
    const repeated = known.get(key) ?? (await ask(origin, incoming, body));
    known.set(key, repeated);
    return repeated;
  };
  const server = createServer((incoming, outgoing) => {
    answer(incoming).then(
      ({ status, headers, body }) => outgoing.writeHead(status, headers).end(body),
      () => outgoing.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    target: {
      ...source,
      name: 'repeated answers',
      replays: true,
      pushHeaders: (url) => source.pushHeaders(url.replace(own, origin)),
      async stop() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    },
    handedOn: () => known.size,
    at: (url) => url.replace(origin, own),
  };
}

/** What a push sends differs each time; what it is told is only about the ref. */
function keyOf({ method, url = '', headers }: IncomingMessage, body: Buffer): string {
  const asked = url.endsWith('/git-receive-pack') ? refOf(body) : createHash('sha1').update(body).digest('hex');
  return [method, url, headers['git-protocol'], asked].join(' ');
}

/** The ref of the first command (gitprotocol-pack, "Reference Update Request"). */
function refOf(body: Buffer): string {
  return /refs\/[^\0\n]+/.exec(body.subarray(0, COMMAND_BYTES).toString('latin1'))?.[0] ?? '';
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function ask(origin: string, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  const { host: _, ...headers } = incoming.headers;
  return new Promise((resolve, reject) => {
    const outgoing = request(`${origin}${incoming.url}`, { method: incoming.method, headers }, (response) => {
      read(response).then((bytes) => {
        const type = response.headers['content-type'];
        const length = String(bytes.length);
        resolve({
          status: response.statusCode ?? 0,
          headers: { 'content-length': length, ...(type !== undefined && { 'content-type': type }) },
          body: bytes,
        });
      }, reject);
    });
    outgoing.on('error', reject).end(body);
  });
}
