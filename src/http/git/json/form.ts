/**
 * The body of a JSON git request. The pack goes to a working file as it arrives, so a request of 100 MiB takes no more
 * memory than one without a pack.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AppContext } from '../../../context.js';
import { AppError } from '../../../errors.js';
import { isJsonObject, type JsonObject, parseJson } from '../../../signing/index.js';
import { readBody } from '../body.js';
import { Base64Decoder } from './base64.js';
import { PackfileSplitter } from './splitter.js';

const MiB = 1024 * 1024;

/** Largest JSON git request and answer, bytes: larger packs are for git itself, which needs a quarter less for them. */
export const MAX_JSON_FORM_BYTES = 100 * MiB;

/** Largest request without its pack: 200,000 wants and as many haves take 18 MB. */
const MAX_REST_BYTES = 24 * MiB;

/** Requests up to this size are read at once, larger ones take turns, bytes. */
const SMALL_BYTES = 2 * MiB;

/** Large requests read at a time by one node; each may take 75 MiB of working files and some 100 MiB of memory. */
const MAX_LARGE_REQUESTS = 8;

/** Whoever is slower holds a place and does not push, milliseconds. */
const ARRIVAL_MS = 10 * 60_000;

const BUSY_RETRY_SECS = 5;

export interface JsonForm {
  /** The JSON with `packfile` emptied. */
  bytes: Buffer;
  json: JsonObject;
  /** Working file with the decoded pack; empty when none came. Delete it with {@link release}. */
  packPath: string;
  packBytes: number;
  /** Lowercase hex SHA-256 of the decoded pack. */
  packfileHash: string;
  release(): Promise<void>;
}

/**
 * Reads a request to its end.
 * @throws AppError VALIDATION_ERROR for what is no JSON object or no base64; PAYLOAD_TOO_LARGE; SERVER_BUSY when too
 *   many large requests arrive at once
 */
export async function readForm(ctx: AppContext, incoming: IncomingMessage): Promise<JsonForm> {
  const { 'content-length': length, 'content-encoding': encoding } = incoming.headers;
  if (Number(length ?? 0) > MAX_JSON_FORM_BYTES) throw tooLarge();
  const isSmall = length !== undefined && Number(length) <= SMALL_BYTES && encoding === undefined;
  const leave = isSmall ? () => {} : enter(ctx);
  const timer = setTimeout(() => incoming.destroy(), ARRIVAL_MS);
  try {
    return await receive(ctx, incoming);
  } finally {
    clearTimeout(timer);
    leave();
  }
}

async function receive(ctx: AppContext, incoming: IncomingMessage): Promise<JsonForm> {
  const splitter = new PackfileSplitter(MAX_REST_BYTES);
  const hash = createHash('sha256');
  const { path, bytes } = await ctx.spool.receive(packOf(incoming, splitter, hash), { maxBytes: MAX_JSON_FORM_BYTES });
  const release = () => ctx.spool.remove(path);
  try {
    const rest = splitter.rest();
    const json = rest.length === 0 ? {} : parseJson(rest);
    if (!isJsonObject(json)) {
      throw new AppError('VALIDATION_ERROR', { message: 'The request body is not a JSON object.' });
    }
    return { bytes: rest, json, packPath: path, packBytes: bytes, packfileHash: hash.digest('hex'), release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function* packOf(
  incoming: IncomingMessage,
  splitter: PackfileSplitter,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  const decoder = new Base64Decoder();
  let size = 0;
  for await (const chunk of readBody(incoming)) {
    size += chunk.length;
    if (size > MAX_JSON_FORM_BYTES) throw tooLarge();
    for (const piece of splitter.feed(chunk)) {
      const bytes = decoder.feed(piece);
      hash.update(bytes);
      yield bytes;
    }
  }
  if (!incoming.complete) throw new AppError('VALIDATION_ERROR', { message: 'The request body was cut off.' });
  decoder.end();
}

const reading = new WeakMap<AppContext, number>();

/** Takes a place. @returns gives it back */
function enter(ctx: AppContext): () => void {
  const others = reading.get(ctx) ?? 0;
  if (others >= MAX_LARGE_REQUESTS) {
    const message = 'Too many large JSON requests are arriving; try again, or use plain git.';
    throw new AppError('SERVER_BUSY', { message, retryAfter: BUSY_RETRY_SECS });
  }
  reading.set(ctx, others + 1);
  return () => reading.set(ctx, (reading.get(ctx) ?? 1) - 1);
}

function tooLarge(): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', {
    message: `A JSON git request has at most ${MAX_JSON_FORM_BYTES} bytes; push with git instead.`,
    details: { maxBytes: MAX_JSON_FORM_BYTES },
  });
}
