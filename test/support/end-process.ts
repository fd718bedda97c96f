/** Ends processes that tests started. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a signal and waits for the end. @returns the exit code, or the signal that ended the process */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
  return child.exitCode ?? child.signalCode;
}
