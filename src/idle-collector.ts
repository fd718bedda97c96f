/** Gives memory back in quiet moments: V8 collects garbage when memory is asked for, not when work has ended. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After this long a thread is not in the middle of a row of tasks, milliseconds. */
const PAUSE_MS = 500;

export class IdleCollector {
  readonly #worthBytes: number;
  #collect: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param worthBytes how much memory the thread must have in use: a collection also throws away compiled code, which
   *   costs more to make anew than a few megabytes are worth
   * @param collect default: V8's own full collection
   */
  constructor({ worthBytes = 0, collect }: { worthBytes?: number; collect?: () => void } = {}) {
    this.#worthBytes = worthBytes;
    this.#collect = collect;
  }

  /**
   * Collects the garbage of this thread soon, unless {@link notNow} comes before.
   * @param pauseMs how long a pause must be
   */
  soon(pauseMs = PAUSE_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (bytesInUse() < this.#worthBytes) return;
      this.#collect ??= findCollector();
      this.#collect();
    }, pauseMs).unref();
  }

  /** Work begins, which must not wait for the collector. */
  notNow(): void {
    clearTimeout(this.#timer);
  }
}

/** Of this thread: heap, and what buffers hold beside it. */
function bytesInUse(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/** Only contexts that are made after V8 was told to show its collector have it. */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
