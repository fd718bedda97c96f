/** `gitclaw worker` as operators run it: the built program in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endProcess } from './end-process.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Longest start allowed beside other tests. */
const START_MS = 30_000;

export class WorkerProcess {
  /** Where it tells how it is; empty when it listens nowhere. */
  readonly url: string;
  readonly child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.child = child;
    this.url = url;
  }

  /** Starts a worker and waits until it works. @throws Error with its output when it ends or is too slow */
  static async start(env: Record<string, string>, args: readonly string[] = []): Promise<WorkerProcess> {
    const child = spawn(process.execPath, ['dist/cli/main.js', 'worker', ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const begun =
      env.WORKER_PORT === undefined ? /^GitClaw (works|runs CI)$/m : /^its health and metrics are at (\S+)$/m;
    const url = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the worker ${why}\n${output}`));
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        fail(`did not work within ${START_MS} ms`);
      }, START_MS);
      const look = (chunk: Buffer) => {
        output += chunk.toString();
        const match = begun.exec(output);
        if (match === null) return;
        clearTimeout(timer);
        resolve(env.WORKER_PORT === undefined ? '' : (match[1] ?? ''));
      };
      child.stdout?.on('data', look);
      child.stderr?.on('data', look);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended with ${code ?? signal}`);
      });
    });
    return new WorkerProcess(child, url);
  }

  /** Ends the process and waits for it. @returns its exit code, or the signal that ended it */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    return endProcess(this.child, signal);
  }
}
