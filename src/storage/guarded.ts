/** The wrapper around every driver: refuses bad keys and ranges, reports each call, warns about slow ones. */
import type { Readable } from 'node:stream';
import { AppError } from '../errors.js';
import type { ObjectStore, StorageObserver, StorageOperation, StoredInfo } from './contract.js';
import { errorType } from './error-type.js';
import { assertFolder, assertKey, assertPrefix } from './key-rules.js';
import { assertRange } from './range.js';

/** The part of a logger that storage needs; a pino logger is one. */
export interface StorageLog {
  warn(fields: object, message: string): void;
}

export interface GuardOptions {
  observer?: StorageObserver | undefined;
  log?: StorageLog | undefined;
  /** Calls that take longer are logged, milliseconds. */
  slowOperationMs?: number;
}

/** Wraps a driver. Drivers may rely on checked keys and ranges. */
export function guarded(driver: ObjectStore, options: GuardOptions): ObjectStore {
  const slowMs = options.slowOperationMs ?? 1000;

  function report(operation: StorageOperation, ms: number, key: string, error?: unknown, longestMs = ms): void {
    options.observer?.operation(operation, ms / 1000, error === undefined ? undefined : errorType(error, operation));
    if (longestMs > slowMs) options.log?.warn({ operation, key, ms: Math.round(longestMs) }, 'slow object store call');
  }

  async function timed<T>(operation: StorageOperation, key: string, run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const result = await run();
      report(operation, performance.now() - start, key);
      return result;
    } catch (error) {
      report(operation, performance.now() - start, key, error);
      throw error;
    }
  }

  async function* listed(prefix: string): AsyncIterable<StoredInfo> {
    assertPrefix(prefix);
    yield* timedItems(driver.list(prefix), prefix);
  }

  /** Counts only the time spent waiting for the driver: what the reader does between two keys is not storage time. */
  async function* timedItems<T>(items: AsyncIterable<T>, prefix: string): AsyncIterable<T> {
    const iterator = items[Symbol.asyncIterator]();
    let total = 0;
    let longest = 0;
    let failure: unknown;
    try {
      for (;;) {
        const start = performance.now();
        const next = await iterator.next().finally(() => {
          const ms = performance.now() - start;
          total += ms;
          longest = Math.max(longest, ms);
        });
        if (next.done) return;
        yield next.value;
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      report('list_objects', total, prefix, failure, longest);
      await iterator.return?.();
    }
  }

  async function streamed(key: string, open: () => Promise<Readable>): Promise<Readable> {
    const operation = readOperation(key);
    const start = performance.now();
    try {
      const stream = await open();
      const ms = performance.now() - start;
      // Only our own failures count: a reader that goes away early is no storage error.
      stream.once('close', () =>
        report(operation, ms, key, stream.errored instanceof AppError ? stream.errored : undefined),
      );
      return stream;
    } catch (error) {
      report(operation, performance.now() - start, key, error);
      throw error;
    }
  }

  return {
    kind: driver.kind,
    get: async (key) => {
      assertKey(key);
      return timed(readOperation(key), key, () => driver.get(key));
    },
    stream: async (key, range) => {
      assertKey(key);
      assertRange(range);
      return streamed(key, () => driver.stream(key, range));
    },
    head: async (key) => {
      assertKey(key);
      return timed('head_object', key, () => driver.head(key));
    },
    list: listed,
    listTopLevel: () => timedItems(driver.listTopLevel(), ''),
    localPath: (key) => {
      assertKey(key);
      return driver.localPath(key);
    },
    localRoot: () => driver.localRoot(),
    ...(driver.link !== undefined && {
      link: async (key, seconds) => {
        assertKey(key);
        return driver.link!(key, seconds);
      },
    }),
    check: () => driver.check(),
    put: async (key, body, putOptions) => {
      assertKey(key);
      return timed(writeOperation(key), key, () => driver.put(key, body, putOptions));
    },
    putFile: async (key, path, putOptions) => {
      assertKey(key);
      return timed(writeOperation(key), key, () => driver.putFile(key, path, putOptions));
    },
    delete: async (keys) => {
      for (const key of keys) assertKey(key);
      if (keys.length > 0) await timed('delete_object', keys[0] ?? '', () => driver.delete(keys));
    },
    deletePrefix: async (prefix) => {
      assertFolder(prefix);
      return timed('delete_repository_objects', prefix, () => driver.deletePrefix(prefix));
    },
    close: () => driver.close(),
  };
}

function isPack(key: string): boolean {
  return key.endsWith('.pack') || key.endsWith('.idx');
}

function readOperation(key: string): StorageOperation {
  return isPack(key) ? 'get_packfile' : 'get_object';
}

function writeOperation(key: string): StorageOperation {
  return isPack(key) ? 'put_packfile' : 'put_object';
}
