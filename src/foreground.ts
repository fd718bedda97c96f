/** Lets the background work of a node see that the node is serving somebody, so that it can step back. */
import { setTimeout as sleep } from 'node:timers/promises';

interface Load {
  running: number;
  /** Called when nothing runs any more. */
  waiting: Set<() => void>;
}

const loads = new WeakMap<object, Load>();

function loadOf(node: object): Load {
  let load = loads.get(node);
  if (load === undefined) {
    load = { running: 0, waiting: new Set() };
    loads.set(node, load);
  }
  return load;
}

/** Runs work that somebody waits for. @param node what both sides know, such as the context */
export async function inForeground<T>(node: object, work: () => Promise<T>): Promise<T> {
  const load = loadOf(node);
  load.running += 1;
  try {
    return await work();
  } finally {
    load.running -= 1;
    if (load.running === 0) for (const wake of [...load.waiting]) wake();
  }
}

export function isServing(node: object): boolean {
  return (loads.get(node)?.running ?? 0) > 0;
}

/** Resolves when the node serves nobody, at the latest after `maxMs`: a slow download must not stop everything else. */
export async function whenQuiet(node: object, maxMs: number): Promise<void> {
  if (!isServing(node)) return;
  const { waiting } = loadOf(node);
  const timer = new AbortController();
  let wake = () => {};
  const quiet = new Promise<void>((resolve) => {
    wake = resolve;
    waiting.add(wake);
  });
  // An aborted pause is the end, not a failure.
  await Promise.race([quiet, sleep(maxMs, undefined, { signal: timer.signal }).catch(() => {})]);
  waiting.delete(wake);
  timer.abort();
}
