/** Argon2 on a thread of its own: one hash takes a second of computing, in which a node would answer nobody. */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

export interface Argon2Input {
  kind: 'argon2id' | 'argon2i' | 'argon2d';
  password: string;
  salt: Uint8Array;
  /** KiB. */
  memorySize: number;
  iterations: number;
  parallelism: number;
  /** Bytes. */
  hashLength: number;
}

/** A string and not a file, because a thread cannot load TypeScript by itself. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { module, kind, ...options } = workerData;
require(module)[kind]({ ...options, outputType: 'binary' }).then((hash) => parentPort.postMessage(hash));
`;

/** The hash in bytes (RFC 9106). */
export function argon2(input: Argon2Input): Promise<Uint8Array> {
  const module = createRequire(import.meta.url).resolve('hash-wasm');
  return new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: { module, ...input } });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the argon2 thread ended without a result')));
  });
}
