import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../errors.js';
import type { ByteRange } from '../contract.js';
import { toAppError } from './errors.js';
import { backoffMs, type RetryLimits } from './retry.js';

export interface Source {
  client: S3Client;
  bucket: string;
  limits: RetryLimits;
}

interface Part {
  body: Readable;
  /** Bytes announced. */
  length: number;
  etag: string | undefined;
}

/**
 * Opens a body or a range of it. A connection that breaks in the middle is taken up again behind the last byte; when
 * that fails too, or gains nothing `maxRetries` times, the stream ends with an AppError.
 *
 * @throws AppError S3_OBJECT_NOT_FOUND, S3_DOWNLOAD_FAILED (range outside of the body) and those of the service
 */
export async function openDownload(source: Source, key: string, range?: ByteRange): Promise<Readable> {
  const first = await request(source, key, range && `bytes=${range.start}-${range.end}`);
  const download = new Download(source, key, range?.start ?? 0, first);
  const chunks = download.chunks();
  return new Readable({
    read() {
      chunks.next().then(
        (next) => this.push(next.done ? null : next.value),
        (error: unknown) => this.destroy(toAppError(error, 'S3_DOWNLOAD_FAILED')),
      );
    },
    // A reader that goes away while we wait for the network must not keep the connection.
    destroy(error, done) {
      download.stop();
      done(error);
    },
  });
}

/** The whole body in memory. @throws AppError as {@link openDownload} */
export async function download(source: Source, key: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await openDownload(source, key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

class Download {
  readonly #source: Source;
  readonly #key: string;
  readonly #end: number;
  readonly #etag: string | undefined;
  #at: number;
  #part: Part;
  #stopped = false;

  constructor(source: Source, key: string, start: number, first: Part) {
    this.#source = source;
    this.#key = key;
    this.#at = start;
    this.#end = start + first.length;
    this.#etag = first.etag;
    this.#part = first;
  }

  stop(): void {
    this.#stopped = true;
    this.#part.body.destroy();
  }

  async *chunks(): AsyncGenerator<Buffer> {
    let failures = 0;
    let iterator = this.#part.body[Symbol.asyncIterator]();
    while (this.#at < this.#end) {
      let failure: unknown;
      let next: IteratorResult<Buffer> | undefined;
      try {
        next = await iterator.next();
      } catch (error) {
        failure = error;
      }
      if (this.#stopped) return;
      if (next !== undefined && !next.done) {
        this.#at += next.value.length;
        if (this.#at > this.#end) throw new AppError('S3_DOWNLOAD_FAILED');
        failures = 0;
        yield next.value;
        continue;
      }
      if (++failures > this.#source.limits.maxRetries) throw toAppError(failure, 'S3_DOWNLOAD_FAILED');
      await sleep(backoffMs(failures, this.#source.limits, Math.random()));
      if (this.#stopped) return;
      await this.#resume();
      iterator = this.#part.body[Symbol.asyncIterator]();
    }
    // Reading to the very end gives the connection back for the next request; a failure now harms nobody.
    await iterator.next().catch(() => undefined);
  }

  async #resume(): Promise<void> {
    this.#part.body.destroy();
    this.#part = await request(this.#source, this.#key, `bytes=${this.#at}-${this.#end - 1}`);
    const replaced = this.#part.etag !== this.#etag || this.#part.length !== this.#end - this.#at;
    if (replaced || this.#stopped) this.#part.body.destroy();
    if (replaced) throw new AppError('S3_DOWNLOAD_FAILED');
  }
}

async function request(source: Source, key: string, range: string | undefined): Promise<Part> {
  try {
    const input = { Bucket: source.bucket, Key: key, ...(range === undefined ? {} : { Range: range }) };
    const answer = await source.client.send(new GetObjectCommand(input));
    if (!(answer.Body instanceof Readable) || answer.ContentLength === undefined) {
      throw new AppError('S3_DOWNLOAD_FAILED');
    }
    return { body: answer.Body, length: answer.ContentLength, etag: answer.ETag };
  } catch (error) {
    throw toAppError(error, 'S3_DOWNLOAD_FAILED');
  }
}
