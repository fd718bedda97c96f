/**
 * Working files of one process: received packs, packs made for a fetch, temporary objects. Nothing here is durable;
 * a crash leaves a folder that the next start removes.
 */
import { randomBytes } from 'node:crypto';
import { statSync, unlinkSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../errors.js';

/** Bytes gathered before a write: network chunks are far smaller, and each write costs a trip to the thread pool. */
const WRITE_BYTES = 1024 * 1024;

/** By so much the last chunk of a write may go beyond it: what a socket gives at once. */
const CHUNK_BYTES = 64 * 1024;

/** A file of at most so many bytes is deleted in no time. */
const BRIEF_BYTES = 256 * 1024;

/** Whether a process of another host still lives cannot be asked, so its folder must also be this old, milliseconds. */
const FOREIGN_FOLDER_AGE_MS = 24 * 60 * 60 * 1000;

/** Folders of this process; a folder with our process id that is not here is left over from an earlier process. */
const ownFolders = new Set<string>();

export interface ReceiveOptions {
  /** Bytes of the body that were read before, written first. */
  first?: Uint8Array;
  /** Largest body accepted, bytes; `first` counts. */
  maxBytes: number;
  /** A body of at most so many bytes is handed back instead of written. Less than a MiB; by default none is. */
  inMemoryUpTo?: number;
}

export interface ReceivedBody {
  /** The file, or where one would be when `data` is set. */
  path: string;
  bytes: number;
  /** The body, when no file was written. */
  data?: Uint8Array;
}

export class Spool {
  readonly folder: string;
  #files = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder of this process below `{dataDir}/spool` and removes the folders of dead processes. */
  static async open(dataDir: string): Promise<Spool> {
    const parent = join(dataDir, 'spool');
    await mkdir(parent, { recursive: true });
    for (const name of await readdir(parent)) {
      if (await isAbandoned(parent, name)) await rm(join(parent, name), { recursive: true, force: true });
    }
    const name = `${process.pid}-${randomBytes(6).toString('hex')}-${hostname()}`;
    ownFolders.add(name);
    const folder = join(parent, name);
    await mkdir(folder);
    return new Spool(folder);
  }

  /** A path that no other call returns. The file does not exist yet. `extension` comes without a dot. */
  newFile(extension: string): string {
    this.#files += 1;
    return join(this.folder, `${this.#files}.${extension}`);
  }

  /**
   * Reads a request body into a new file, or a small one into memory. The stream is read no faster than the disk takes it.
   * @throws AppError PAYLOAD_TOO_LARGE when the body is longer than `maxBytes`; no file remains then, nor when the
   *   stream fails
   */
  async receive(stream: AsyncIterable<Uint8Array>, options: ReceiveOptions): Promise<ReceivedBody> {
    const { first, maxBytes, inMemoryUpTo = -1 } = options;
    const body = new BodyFile(this.newFile('body'));
    const { path } = body;
    let bytes = 0;
    try {
      for await (const chunk of chunks(stream, first)) {
        bytes += chunk.length;
        if (bytes > maxBytes) {
          throw new AppError('PAYLOAD_TOO_LARGE', { message: `The request body is larger than ${maxBytes} bytes.` });
        }
        await body.add(chunk);
      }
      if (bytes <= inMemoryUpTo) return { path, bytes, data: body.unwritten() };
      await body.end();
      return { path, bytes };
    } catch (error) {
      await body.abandon();
      throw error;
    }
  }

  /** Deletes files that nobody waits to be gone. What cannot be deleted goes with the folder. */
  discard(...paths: string[]): void {
    for (const path of paths) if (!unlinkBrief(path)) unlink(path).catch(() => {});
  }

  /** Deletes files; missing ones are no error. */
  async remove(...paths: string[]): Promise<void> {
    await Promise.all(paths.map((path) => unlink(path).catch(unlessMissing)));
  }

  /** Deletes the folder with everything in it. */
  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    ownFolders.delete(this.folder.slice(this.folder.lastIndexOf('/') + 1));
  }
}

/**
 * Deletes a file where that is a matter of microseconds, which a trip to the thread pool is not: one that is small or has
 * a second name, so that no blocks are given back.
 */
function unlinkBrief(path: string): boolean {
  try {
    const { nlink, size } = statSync(path);
    if (nlink === 1 && size > BRIEF_BYTES) return false;
    unlinkSync(path);
  } catch {
    // Missing, or it goes with the folder.
  }
  return true;
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function* chunks(stream: AsyncIterable<Uint8Array>, first?: Uint8Array): AsyncIterable<Uint8Array> {
  if (first !== undefined && first.length > 0) yield first;
  yield* stream;
}

/** A file that is made when there is a MiB to write, or at the end. */
class BodyFile {
  readonly path: string;
  #file: FileHandle | undefined;
  /** For one full write after the other: a new buffer for each would leave the body's size behind as garbage. */
  #buffer: Buffer | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= WRITE_BYTES) await this.#write();
  }

  /** What came since the last write, in memory of its own. */
  unwritten(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#waiting));
  }

  async end(): Promise<void> {
    await this.#write();
    await this.#file?.close();
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => {});
    if (this.#file !== undefined) await rm(this.path, { force: true });
  }

  async #write(): Promise<void> {
    this.#file ??= await open(this.path, 'wx');
    if (this.#waitingBytes > 0) await this.#file.writeFile(this.#gathered());
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #gathered(): Uint8Array {
    const isOdd = this.#waitingBytes < WRITE_BYTES || this.#waitingBytes > WRITE_BYTES + CHUNK_BYTES;
    if (isOdd) return Buffer.concat(this.#waiting);
    this.#buffer ??= Buffer.allocUnsafe(WRITE_BYTES + CHUNK_BYTES);
    let at = 0;
    for (const chunk of this.#waiting) {
      this.#buffer.set(chunk, at);
      at += chunk.length;
    }
    return this.#buffer.subarray(0, at);
  }
}

/** Names are `{pid}-{random}-{host}`; anything else in the folder is not ours and stays. */
async function isAbandoned(parent: string, name: string): Promise<boolean> {
  const parts = /^(\d+)-[0-9a-f]{12}-(.+)$/.exec(name);
  if (parts === null || ownFolders.has(name)) return false;
  if (parts[2] !== hostname()) {
    const info = await stat(join(parent, name)).catch(() => undefined);
    return info !== undefined && Date.now() - info.mtimeMs > FOREIGN_FOLDER_AGE_MS;
  }
  const pid = Number(parts[1]);
  return pid === process.pid || !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
