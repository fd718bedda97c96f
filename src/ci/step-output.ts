/** Output of the steps of a run while they work: kept for the log, and written down in pieces for those who follow it. */
import { StringDecoder } from 'node:string_decoder';
import type { Database } from '../db/index.js';
import type { ClaimedRun } from './lease-store.js';
import { insertChunk, type StreamName } from './log-store.js';

/** Cap of each output of a step, bytes. */
export const MAX_STREAM_BYTES = 1024 * 1024;
/** Cap of everything that a run may write, bytes. */
const MAX_RUN_BYTES = 16 * 1024 * 1024;
const FLUSH_MS = 200;
const MAX_CHUNK_LENGTH = 32 * 1024;

interface Captured {
  decoder: StringDecoder;
  bytes: number;
  text: string;
  full: boolean;
}

export class StepOutput {
  readonly #db: Database;
  readonly #run: Pick<ClaimedRun, 'runId' | 'fence'>;
  readonly #failed: (error: unknown) => void;
  #streams = capture();
  #order = 0;
  #seq = 0;
  #bytes = 0;
  #waiting: { stepOrder: number; stream: StreamName; text: string }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param failed told once when pieces cannot be written, for example because the lease is lost */
  constructor(db: Database, run: Pick<ClaimedRun, 'runId' | 'fence'>, failed: (error: unknown) => void) {
    this.#db = db;
    this.#run = run;
    this.#failed = failed;
  }

  begin(order: number): void {
    this.#order = order;
    this.#streams = capture();
  }

  add(name: StreamName, bytes: Buffer): void {
    const stream = this.#streams[name];
    if (stream.full) return;
    const room = Math.min(MAX_STREAM_BYTES - stream.bytes, MAX_RUN_BYTES - this.#bytes);
    const taken = bytes.subarray(0, Math.max(room, 0));
    stream.bytes += taken.length;
    this.#bytes += taken.length;
    this.#append(name, stream.decoder.write(taken));
    if (taken.length < bytes.length) {
      stream.full = true;
      this.#append(name, '\n[output beyond the limit is left out]\n');
    }
  }

  /** Ends the step's output. Resolves once all of it is written down. */
  async end(): Promise<{ stdout: string; stderr: string }> {
    const { stdout, stderr } = this.#streams;
    for (const name of ['stdout', 'stderr'] as const) this.#append(name, this.#streams[name].decoder.end());
    await this.#flush();
    return { stdout: stdout.text, stderr: stderr.text };
  }

  #append(name: StreamName, raw: string): void {
    if (raw === '') return;
    // Postgres has no NUL in texts.
    const text = raw.replaceAll('\0', '\ufffd');
    this.#streams[name].text += text;
    const last = this.#waiting.at(-1);
    if (last?.stream === name && last.stepOrder === this.#order && last.text.length < MAX_CHUNK_LENGTH)
      last.text += text;
    else this.#waiting.push({ stepOrder: this.#order, stream: name, text });
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS);
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(async () => {
      const batch = this.#waiting.splice(0);
      try {
        for (const chunk of batch) {
          this.#seq += 1;
          await insertChunk(this.#db, this.#run, { seq: this.#seq, ...chunk });
        }
      } catch (error) {
        this.#failed(error);
      }
    });
    return this.#writing;
  }
}

function capture(): Record<StreamName, Captured> {
  const empty = (): Captured => ({ decoder: new StringDecoder('utf8'), bytes: 0, text: '', full: false });
  return { stdout: empty(), stderr: empty() };
}
