import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseEvents, type ServerEvent } from './events.js';
import { ApiError, type CiLogEvent, GitClawClient, NetworkError } from './index.js';

async function parsed(...pieces: (string | Uint8Array)[]): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  async function* source() {
    for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
  }
  for await (const event of parseEvents(source())) events.push(event);
  return events;
}

describe('events out of text', () => {
  it('come whole however the text is cut', async () => {
    const text = Buffer.from('event: log\ndata: {"text":"é\\n"}\nid: 1-1\n\n: still running\n\ndata:bare\n\n');
    const whole = [
      { name: 'log', id: '1-1', data: '{"text":"é\\n"}' },
      { name: 'message', id: undefined, data: 'bare' },
    ];
    expect(await parsed(text)).toEqual(whole);
    expect(await parsed(...Array.from(text, (_, i) => text.subarray(i, i + 1)))).toEqual(whole);
  });

  it('may have several lines of data, other line ends, and fields nobody knows', async () => {
    expect(await parsed('data: a\r\ndata:  b\r\nretry: 5\r\nunknown\r\n\r\n')).toEqual([
      { name: 'message', id: undefined, data: 'a\n b' },
    ]);
  });

  it('that are not complete, or have no data, are none', async () => {
    expect(await parsed('event: end\n\ndata: x\n', 'data: y')).toEqual([]);
  });
});

describe('following the log of a run', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** A server that answers its first requests with these, and all later ones with the last. */
  async function answering(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
    const seen: (string | undefined)[] = [];
    server = createServer((request, response) => {
      seen.push(request.headers['last-event-id'] as string | undefined);
      answers[Math.min(seen.length, answers.length) - 1]?.(request, response);
    });
    await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new GitClawClient({ baseUrl, retries: 2, backoffMs: 1 });
    const follow = async () => {
      const events: CiLogEvent[] = [];
      for await (const event of client.followCiLog('r', 'p', 'run')) events.push(event);
      return events;
    };
    return { seen, follow };
  }
  const log = (seq: number, text: string) =>
    `event: log\ndata: ${JSON.stringify({ step: 0, stream: 'stdout', text })}\nid: 1-${seq}\n\n`;
  const END = 'event: end\ndata: {"status":"passed"}\n\n';
  const events =
    (text: string, finish: (response: ServerResponse) => void) => (_: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(text, () => finish(response));
    };
  const cut = (response: ServerResponse) => setTimeout(() => response.destroy(), 20);

  it('goes on where the connection broke, or ended in good order, until the end of the run', async () => {
    const { seen, follow } = await answering(
      events(log(1, 'a') + log(2, 'b'), cut),
      events(log(3, 'c'), (response) => response.end()),
      events(log(4, 'd') + END, (response) => response.end()),
    );
    const all = await follow();
    expect(all.map((event) => ('text' in event ? event.text : event.event))).toEqual(['a', 'b', 'c', 'd', 'end']);
    expect(seen).toEqual([undefined, '1-2', '1-3']);
  });

  it('fails for what the server refuses, at once', async () => {
    const { seen, follow } = await answering((_, response) => {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"error":{"code":"CI_RUN_NOT_FOUND","message":"No such run."},"meta":{"requestId":"x"}}');
    });
    await expect(follow()).rejects.toBeInstanceOf(ApiError);
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['breaks off', (_: unknown, response: ServerResponse) => void response.destroy()],
    ['ends at once', events(': hello\n\n', (response) => response.end())],
  ])('gives up when every connection %s', async (_, answer) => {
    const { seen, follow } = await answering(answer);
    await expect(follow()).rejects.toBeInstanceOf(NetworkError);
    expect(seen).toHaveLength(3);
  });
});
