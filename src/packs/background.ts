/** For workers whose results nobody waits for. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

let done = false;

/**
 * Gives this thread a lower priority than the rest of the process, where the system keeps one for each thread (Linux).
 * Not the lowest: a thread that gets no processor at all may hold a lock of the file system that others wait for.
 */
export function lowerPriority(): void {
  if (done) return;
  done = true;
  try {
    const thread = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1];
    if (thread !== undefined) setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Other systems have no such file; the work is the same at the usual priority.
  }
}
