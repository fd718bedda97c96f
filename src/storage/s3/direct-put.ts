/**
 * Puts a body in memory without the SDK, which costs several times as much processor time as the request itself.
 * Address, credentials with their refresh, connections and repeats are still the client's.
 */
import { hash } from 'node:crypto';
import type { PutOptions } from '../contract.js';
import type { Connection } from './client.js';
import { failureKind } from './errors.js';
import { exchange, ServiceError } from './exchange.js';
import { withRetries } from './retry.js';
import { encodeKey, formatAmzDate, Signer } from './signature.js';
import { resolveTarget, type Target } from './target.js';

interface Opened {
  target: Target;
  signer: Signer;
}

export class DirectPut {
  readonly #connection: Connection;
  readonly #bucket: string;
  #opened: Promise<Opened | undefined> | undefined;
  /** What the service's clock is ahead of ours, milliseconds. */
  #clockOffset = 0;

  constructor(connection: Connection, bucket: string) {
    this.#connection = connection;
    this.#bucket = bucket;
  }

  /**
   * Puts a body whole.
   * @returns false, with nothing done, for buckets that only the SDK can sign for
   * @throws what the service or the network refused, as `failureKind` understands it
   */
  async put(key: string, body: Uint8Array, options: PutOptions): Promise<boolean> {
    const opened = await this.#open();
    if (opened === undefined) return false;
    const { target, signer } = opened;
    const path = target.prefix + encodeKey(key);
    const headers: Record<string, string> = {
      host: target.host,
      'content-type': options.contentType,
      'x-amz-content-sha256': hash('sha256', body, 'hex'),
    };
    for (const [name, value] of Object.entries(options.metadata ?? {})) headers[`x-amz-meta-${name}`] = value;
    await withRetries(this.#connection.retries, () => this.#attempt(target, signer, path, headers, body));
    return true;
  }

  async #attempt(
    target: Target,
    signer: Signer,
    path: string,
    unsigned: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<void> {
    const { client, agents } = this.#connection;
    const identity = await client.config.credentials();
    const amzDate = formatAmzDate(Date.now() + this.#clockOffset);
    const headers: Record<string, string> = { ...unsigned, 'x-amz-date': amzDate };
    if (identity.sessionToken !== undefined) headers['x-amz-security-token'] = identity.sessionToken;
    const payloadHash = headers['x-amz-content-sha256'] ?? '';
    headers.authorization = signer.authorization({ method: 'PUT', path, headers, payloadHash }, identity, amzDate);
    headers['content-length'] = String(body.length);
    try {
      await exchange(agents, target, { method: 'PUT', path, headers: Object.entries(headers).flat(), body });
    } catch (error) {
      this.#correctClock(error);
      throw error;
    }
  }

  #correctClock(error: unknown): void {
    if (!(error instanceof ServiceError) || failureKind(error) !== 'skewed' || error.date === undefined) return;
    const theirs = Date.parse(error.date);
    if (!Number.isNaN(theirs)) this.#clockOffset = theirs - Date.now();
  }

  #open(): Promise<Opened | undefined> {
    this.#opened ??= resolveTarget(this.#connection.client, this.#bucket)
      .then((target) => target && { target, signer: new Signer(target.region) })
      .catch((error: unknown) => {
        // For want of credentials, perhaps; the next call asks again.
        this.#opened = undefined;
        throw error;
      });
    return this.#opened;
  }
}
