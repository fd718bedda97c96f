/**
 * What every object store driver promises. Keys are slash-separated ASCII paths (see keys.ts).
 *
 * - A key is written whole or not at all: a reader never sees a part of a body.
 * - When `put` or `putFile` resolves, the body survives a crash of this process and of its host.
 * - Writing a key that exists replaces it. Git objects and packs are named by content, so a replacement is the same
 *   content; nothing here may depend on a conditional write.
 * - A failure leaves either the old state or the new one, and at worst a part that no key names.
 *
 * A key is one or more names of printable ASCII joined by "/"; no name starts with a dot. A key must not be a folder of
 * another key (`a` beside `a/b`), because on a file system that cannot be. Anything else is OBJECT_STORAGE_ERROR.
 *
 * Failures are AppErrors with the codes S3_*, OBJECT_STORAGE_ERROR, OBJECT_CORRUPTED of errors.ts.
 */
import type { Readable } from 'node:stream';

/**
 * Bytes `start` to `end`, both included, as in an HTTP range. An end behind the body means its last byte; a start behind
 * the body is S3_DOWNLOAD_FAILED.
 */
export interface ByteRange {
  start: number;
  end: number;
}

export interface StoredInfo {
  key: string;
  /** Bytes. */
  size: number;
  modifiedAt: Date;
}

export interface PutOptions {
  contentType: string;
  /**
   * Kept beside the body; names are lower case. Only `x-git-object-type` and `x-git-object-size` of loose objects are
   * sure to come back from `head`: on disk nothing lies beside the body and these two are read from its header.
   */
  metadata?: Record<string, string>;
}

export interface ObjectReader {
  /** The whole body, or undefined when the key does not exist. For bodies that fit in memory: loose objects, indexes. */
  get(key: string): Promise<Buffer | undefined>;
  /** A stream of the body or of a range; throws S3_OBJECT_NOT_FOUND. The caller must consume or destroy it. */
  stream(key: string, range?: ByteRange): Promise<Readable>;
  /** Size, time and metadata, or undefined when the key does not exist. */
  head(key: string): Promise<(StoredInfo & { metadata: Record<string, string> }) | undefined>;
  /** All keys below a prefix, in key order. */
  list(prefix: string): AsyncIterable<StoredInfo>;
  /** First-level names below the root, i.e. the repository ids. */
  listTopLevel(): AsyncIterable<string>;
  /** Where the body lies on this machine's disk, for drivers that have it there; workers read it in place. */
  localPath(key: string): string | undefined;
  /** The folder below which keys are paths, for the same drivers; workers store many small bodies there by `writeBatch`. */
  localRoot(): string | undefined;
  /**
   * A URL at which anybody may GET the body for so many seconds, ranges included, without asking this process. Absent in
   * drivers whose bodies nobody else can serve.
   */
  link?(key: string, seconds: number): Promise<string>;
  /** Throws an AppError when the store cannot be used. */
  check(): Promise<void>;
}

export interface ObjectWriter {
  put(key: string, body: Uint8Array, options: PutOptions): Promise<void>;
  /**
   * Stores a file of any size without holding it in memory. The file stays the caller's to remove, but may share its
   * blocks with the stored body (a hard link), so nobody may write to it afterwards.
   */
  putFile(key: string, path: string, options: PutOptions): Promise<void>;
  /** Deletes keys; missing ones are no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** Deletes everything below a prefix and returns how many keys went. */
  deletePrefix(prefix: string): Promise<number>;
}

export interface ObjectStore extends ObjectReader, ObjectWriter {
  readonly kind: 's3' | 'filesystem' | 'memory';
  close(): Promise<void>;
}

/** Told about every call, so that the drivers need not know the metrics library. */
export interface StorageObserver {
  operation(name: StorageOperation, seconds: number, error?: string): void;
}

export type StorageOperation =
  | 'put_object'
  | 'get_object'
  | 'delete_object'
  | 'list_objects'
  | 'head_object'
  | 'put_packfile'
  | 'get_packfile'
  | 'delete_repository_objects';
