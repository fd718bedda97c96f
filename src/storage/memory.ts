import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AppError } from '../errors.js';
import type { ObjectStore, PutOptions, StorageObserver } from './contract.js';
import { guarded } from './guarded.js';
import { clip } from './range.js';

interface Entry {
  body: Buffer;
  modifiedAt: Date;
  metadata: Record<string, string>;
}

/** The twin for tests: the same promises as the other drivers, except that nothing outlives the process. */
export function createMemoryStore(observer?: StorageObserver): ObjectStore {
  return guarded(memoryDriver(), { observer });
}

function memoryDriver(): ObjectStore {
  const entries = new Map<string, Entry>();
  // Keys are ASCII, so the default order of strings is the order of bytes that S3 lists in.
  const keysBelow = (prefix: string) => [...entries.keys()].filter((key) => key.startsWith(prefix)).sort();
  const store = (key: string, body: Buffer, options: PutOptions) => {
    entries.set(key, { body, modifiedAt: new Date(), metadata: { ...options.metadata } });
  };
  const info = (key: string, entry: Entry) => ({ key, size: entry.body.length, modifiedAt: entry.modifiedAt });

  return {
    kind: 'memory',
    async get(key) {
      const entry = entries.get(key);
      return entry && Buffer.from(entry.body);
    },
    async stream(key, range) {
      const entry = entries.get(key);
      if (entry === undefined) throw new AppError('S3_OBJECT_NOT_FOUND');
      const part = range && clip(range, entry.body.length);
      return Readable.from(chunks(part ? entry.body.subarray(part.start, part.end + 1) : entry.body), {
        objectMode: false,
      });
    },
    async head(key) {
      const entry = entries.get(key);
      return entry && { ...info(key, entry), metadata: { ...entry.metadata } };
    },
    async *list(prefix) {
      for (const key of keysBelow(prefix)) {
        const entry = entries.get(key);
        if (entry) yield info(key, entry);
      }
    },
    async *listTopLevel() {
      yield* new Set(
        keysBelow('')
          .filter((key) => key.includes('/'))
          .map((key) => key.slice(0, key.indexOf('/'))),
      );
    },
    localPath: () => undefined,
    localRoot: () => undefined,
    async check() {},
    async put(key, body, options) {
      store(key, Buffer.from(body), options);
    },
    async putFile(key, path, options) {
      const body = await readFile(path).catch((cause: unknown) => {
        throw new AppError('S3_UPLOAD_FAILED', { cause });
      });
      store(key, body, options);
    },
    async delete(keys) {
      for (const key of keys) entries.delete(key);
    },
    async deletePrefix(prefix) {
      const keys = keysBelow(prefix);
      for (const key of keys) entries.delete(key);
      return keys.length;
    },
    async close() {},
  };
}

/** Several chunks, as a network would give, and copies, so that a reader cannot change the stored body. */
function* chunks(body: Buffer): Iterable<Buffer> {
  for (let at = 0; at < body.length; at += 65_536) yield Buffer.from(body.subarray(at, at + 65_536));
}
