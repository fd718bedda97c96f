/** Server-sent events of one answer, as they come (WHATWG HTML, section 9.2.6). */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { NetworkError } from './errors.js';
import { readAnswer } from './request.js';
import { type Exchange, MAX_ANSWER_BYTES, networkError } from './transport.js';

export interface ServerEvent {
  /** `message` when the server gives none. */
  name: string;
  /** Tells the server where to go on; undefined when the event has none. */
  id: string | undefined;
  data: string;
}

/** @throws NetworkError, and ApiError when the server answers with something else than events */
export async function* readEvents(request: Exchange): AsyncGenerator<ServerEvent> {
  const incoming = await open(request);
  try {
    if (incoming.statusCode !== 200) {
      readAnswer({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: await readAll(incoming) });
      throw new NetworkError(`${request.url.host} sends no events`, 'NO_EVENTS');
    }
    yield* parseEvents(incoming);
  } catch (error) {
    throw networkError(error as NodeJS.ErrnoException, request.url);
  } finally {
    incoming.destroy();
  }
}

/** Events out of pieces of their text; what is left without an empty line at the end is dropped. */
export async function* parseEvents(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let fields = new Map<string, string>();
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_ANSWER_BYTES) throw new NetworkError('an event is too long', 'TOO_LARGE');
    for (const line of lines.map((each) => each.replace(/\r$/, ''))) {
      if (line === '') {
        const data = fields.get('data');
        if (data !== undefined) yield { name: fields.get('event') ?? 'message', id: fields.get('id'), data };
        fields = new Map();
        continue;
      }
      const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      const before = name === 'data' ? fields.get('data') : undefined;
      // A line that begins with a colon is a comment, which keeps the connection alive.
      if (name !== '') fields.set(name, before === undefined ? value : `${before}\n${value}`);
    }
  }
}

function open({ method, url, headers, timeoutMs }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = send(url, { method, headers: { ...headers, accept: 'text/event-stream' } }, resolve);
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new NetworkError(`${url.host} was silent for ${timeoutMs / 1000} s`, 'ETIMEDOUT')),
    );
    outgoing.on('error', (error) => reject(networkError(error, url)));
    outgoing.end();
  });
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
