/** One HTTP request to a webhook. */
import { createHmac } from 'node:crypto';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { chooseAddress, parseDestination, type Resolve } from './destination.js';

/** From the first byte out to the last byte in. */
const DEADLINE_MS = 10_000;
/** What is kept of an answer. */
export const KEPT_BYTES = 1024;
/** An answer that goes on is cut here; nothing of it is of interest. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;

export interface Message {
  url: string;
  secret: string;
  deliveryId: string;
  event: string;
  body: string;
}

export interface SendOptions {
  allowPrivate: boolean;
  /** Unix seconds of the signature. */
  at: number;
  /** Counts attempts, see {@link chooseAddress}. */
  turn?: number;
  resolve?: Resolve | undefined;
  deadlineMs?: number;
  stop?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  /** The first KiB. */
  body: string;
}

/**
 * `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: the receiver recomputes it with the secret, compares in
 * constant time, and refuses old times.
 */
export function signMessage(secret: string, at: number, body: string): string {
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`, 'utf8').digest('hex')}`;
}

/**
 * Posts a message. Redirects are answers like any other: they are not followed.
 * @throws ForbiddenDestination, or Error of the network; a status is no error
 */
export async function sendMessage(message: Message, options: SendOptions): Promise<Answer> {
  const url = parseDestination(message.url, options.allowPrivate);
  const host = await chooseAddress(url, options);
  const body = Buffer.from(message.body, 'utf8');
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
  const name = url.hostname.replace(/\.$/, '');
  const settings: RequestOptions & { servername?: string } = {
    // The checked address instead of the name: the connection asks no resolver again.
    host,
    port: url.port || (url.protocol === 'https:' ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    method: 'POST',
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: options.stop === undefined ? deadline : AbortSignal.any([deadline, options.stop]),
    // The certificate must be for the name (RFC 6066 allows no addresses in SNI).
    ...(isIP(host) !== 0 && name !== host && !name.startsWith('[') ? { servername: name } : {}),
    headers: {
      Host: url.host,
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': body.length,
      'User-Agent': 'GitClaw-Webhook/1',
      'X-GitClaw-Event': message.event,
      'X-GitClaw-Delivery': message.deliveryId,
      'X-GitClaw-Signature-256': signMessage(message.secret, options.at, message.body),
    },
  };
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(deadline.aborted ? new Error('no answer in time') : error);
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(settings, (incoming) => {
      readStart(incoming).then((text) => {
        outgoing.destroy();
        resolve({ status: incoming.statusCode ?? 0, body: text });
      }, failed);
    });
    outgoing.on('error', failed);
    outgoing.end(body);
  });
}

/** The first KiB. With the status known, a body that breaks off or drags on until the deadline is as good as its start. */
function readStart(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const kept: Buffer[] = [];
    let size = 0;
    // Postgres has no NUL in texts.
    const done = () => resolve(Buffer.concat(kept).subarray(0, KEPT_BYTES).toString('utf8').replaceAll('\0', '\ufffd'));
    incoming.on('data', (chunk: Buffer) => {
      if (size < KEPT_BYTES) kept.push(chunk.subarray(0, KEPT_BYTES - size));
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) done();
    });
    incoming.on('end', done).on('error', done).on('close', done);
  });
}
