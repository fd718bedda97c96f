/** Running small programs of a driver to their end. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Finished {
  /** Null when a signal or the time limit ended it, or the program is not there. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Nothing of this process but where programs lie; sandboxes and their tools need no more. */
export const TOOL_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
const MAX_OUTPUT = 64 * 1024;

/** Runs a program without input. Never rejects: what is wrong stands in `stderr`. */
export function finish(
  program: string,
  args: readonly string[],
  { timeoutMs = 20_000, env = TOOL_ENV as Record<string, string> } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const read = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (bytes: Buffer) => {
        if (read[name].length < MAX_OUTPUT) read[name] += bytes.toString();
      });
    }
    child.once('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }));
    child.once('close', (code) => resolve({ code, ...read }));
  });
}

/** Kills a process that was started detached, together with its group. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
