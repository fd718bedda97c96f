/** GitClaw as its users run it: the built program in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endProcess } from './end-process.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Longest start allowed: the promise to the user who types `npm start`. */
const START_MS = 15_000;

export interface NodeOptions {
  env: Record<string, string>;
  /** A program other than `dist/main.js`, with its arguments. */
  program?: string[];
  /** Port; default: the system chooses. */
  port?: number;
  /** Longest start allowed; more than the default only where a start competes with load, milliseconds. */
  startMs?: number;
}

export class ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  readonly #output: string[];

  private constructor(child: ChildProcess, url: string, output: string[]) {
    this.child = child;
    this.url = url;
    this.#output = output;
  }

  /** Starts a node and waits until it listens. @throws Error with its output when it ends or is too slow */
  static async start({
    env,
    program = ['dist/main.js'],
    port = 0,
    startMs = START_MS,
  }: NodeOptions): Promise<ServerProcess> {
    const child = spawn(process.execPath, program, {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', LOG_LEVEL: 'warn', ...env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the node ${why}\n${output.join('')}`));
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        fail(`did not listen within ${startMs} ms`);
      }, startMs);
      const listen = (chunk: Buffer) => {
        output.push(chunk.toString());
        const match = /listens on (http:\S+)/.exec(output.join(''));
        if (match?.[1] !== undefined) {
          clearTimeout(timer);
          resolve(match[1]);
        }
      };
      child.stdout?.on('data', listen);
      child.stderr?.on('data', listen);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended with ${code ?? signal}`);
      });
    });
    return new ServerProcess(child, url, output);
  }

  /** Everything printed so far. */
  get output(): string {
    return this.#output.join('');
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Ends the process and waits for it. @returns its exit code, or the signal that ended it */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    return endProcess(this.child, signal);
  }

  /** Waits until the process ends by itself. */
  async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }

  /** Peak resident memory so far, bytes (Linux). */
  async peakMemory(): Promise<number> {
    const { readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }
}
