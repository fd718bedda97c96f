/** Gives memory back in quiet moments: V8 collects garbage when memory is asked for, not when work has ended. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After this long a thread is not in the middle of a row of tasks, milliseconds. */
const PAUSE_MS = 500;

export class IdleCollector {
  #collect: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param collect default: V8's own full collection */
  constructor(collect?: () => void) {
    this.#collect = collect;
  }

  /**
   * Collects the garbage of this thread soon, unless {@link notNow} comes before.
   * @param pauseMs how long a pause must be; a collection also throws away code that V8 made for objects that are gone
   */
  soon(pauseMs = PAUSE_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#collect ??= findCollector();
      this.#collect();
    }, pauseMs).unref();
  }

  /** Work begins, which must not wait for the collector. */
  notNow(): void {
    clearTimeout(this.#timer);
  }
}

/** Only contexts that are made after V8 was told to show its collector have it. */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
