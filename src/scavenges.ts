/** How this process collects what dies young. */
import { setFlagsFromString } from 'node:v8';

/**
 * Has each thread collect its own young generation alone, of all threads of the process, also those that run already.
 *
 * V8 wakes up to four helpers for each collection. A request leaves little alive, so they find nothing to do, but have
 * been woken and wait for each other: of small pushes on two processors that was a twentieth of the processor time.
 */
export function scavengeAlone(): void {
  setFlagsFromString('--no-parallel-scavenge');
}
