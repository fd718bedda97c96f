/** Reads a small request body from the node stream: WHATWG requests drop the bodies that SDKs send with GET and DELETE. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.js';

/** Cap of a JSON body, bytes. */
export const MAX_JSON_BYTES = 2 * 1024 * 1024;

/** A client that feeds its body more slowly than this is holding a connection, not sending JSON. */
const BODY_DEADLINE_MS = 60_000;

/**
 * The whole body; empty when there is none.
 * @throws AppError PAYLOAD_TOO_LARGE above `limit` bytes, VALIDATION_ERROR when the client stops half-way
 */
export function readBody(incoming: IncomingMessage, limit = MAX_JSON_BYTES): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit));
  if (incoming.readableEnded) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      incoming.off('data', onData).off('end', onEnd).off('close', onCut).off('error', onCut);
      finish();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) settle(() => reject(tooLarge(limit)));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, size)));
    const onCut = () => settle(() => reject(incomplete()));
    const timer = setTimeout(onCut, BODY_DEADLINE_MS);
    incoming.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut);
  });
}

function tooLarge(limit: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', { details: { maxBytes: limit } });
}

function incomplete(): AppError {
  return new AppError('VALIDATION_ERROR', { message: 'The request body did not arrive completely.' });
}
