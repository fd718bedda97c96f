/** Lets the background work of a node see that the node is serving somebody, so that it can step back. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Whoever pushes or fetches again and again leaves pauses of some milliseconds, in which it is still to be served next. */
const CALM_MS = 100;

interface Load {
  running: number;
  /** When nothing ran any more, milliseconds of the process's clock. */
  endedAt: number;
  /** Called when nothing runs any more. */
  waiting: Set<() => void>;
}

const loads = new WeakMap<object, Load>();

function loadOf(node: object): Load {
  let load = loads.get(node);
  if (load === undefined) {
    load = { running: 0, endedAt: Number.NEGATIVE_INFINITY, waiting: new Set() };
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
    if (load.running === 0) {
      load.endedAt = performance.now();
      for (const wake of [...load.waiting]) wake();
    }
  }
}

export function isServing(node: object): boolean {
  return (loads.get(node)?.running ?? 0) > 0;
}

/**
 * Resolves when the node has served nobody for a tenth of a second, at the latest after `maxMs`: a slow download must not
 * stop everything else.
 */
export async function whenQuiet(node: object, maxMs: number): Promise<void> {
  const load = loadOf(node);
  const latest = performance.now() + maxMs;
  for (let now = performance.now(); now < latest; now = performance.now()) {
    const calmAt = load.endedAt + CALM_MS;
    if (load.running > 0) await ended(load, latest - now);
    else if (now < calmAt) await sleep(Math.min(calmAt, latest) - now);
    else return;
  }
}

async function ended({ waiting }: Load, maxMs: number): Promise<void> {
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
