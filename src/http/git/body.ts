/** The body of a git request: the node stream, unzipped when the client zipped it, with an end that is always reached. */
import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { AppError } from '../../errors.js';

/** A refused request is read on for at most this long, so that the client gets the answer instead of a reset. */
const DRAIN_MS = 60_000;

/**
 * The request body as bytes.
 * @throws AppError VALIDATION_ERROR for an unknown content encoding or broken gzip data
 */
export async function* readBody(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  const encoding = incoming.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') {
    yield* keepOpen(incoming);
    return;
  }
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new AppError('VALIDATION_ERROR', {
      message: `content encoding ${JSON.stringify(encoding)} is not supported`,
    });
  }
  const gunzip = createGunzip();
  incoming.on('error', (error) => gunzip.destroy(error));
  incoming.pipe(gunzip);
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!code.startsWith('Z_')) throw error;
    throw new AppError('VALIDATION_ERROR', { message: 'the request body is not valid gzip data', cause: error });
  } finally {
    incoming.unpipe(gunzip);
    gunzip.destroy();
  }
}

/** Iterates without destroying the socket when the reader stops early: the answer still has to go out on it. */
async function* keepOpen(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  yield* incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}

/**
 * A whole small body in memory.
 * @throws AppError PAYLOAD_TOO_LARGE
 */
export async function readWhole(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(incoming)) {
    size += chunk.length;
    if (size > maxBytes)
      throw new AppError('PAYLOAD_TOO_LARGE', { message: `the request is larger than ${maxBytes} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads and drops what is left of a request. A client that is still sending when the connection closes reports a
 * broken pipe instead of our message.
 * @returns false when the client did not finish in time; the connection should then be closed
 */
export async function drainBody(incoming: IncomingMessage): Promise<boolean> {
  if (incoming.readableEnded || incoming.destroyed) return true;
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), DRAIN_MS);
    const ended = () => finish(true);
    const finish = (done: boolean) => {
      clearTimeout(timer);
      incoming.off('end', ended).off('close', ended).off('error', ended);
      resolve(done);
    };
    incoming.on('end', ended).on('close', ended).on('error', ended);
    incoming.resume();
  });
}
