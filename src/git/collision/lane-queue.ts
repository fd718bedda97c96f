/**
 * The order in which lanes take messages, some of which begin as others do: these go on from the state that the other
 * message has where they part. What they share is hashed and searched for attacks once.
 */

/** Messages that begin with blocks of an earlier message; `count` numbers each. */
export interface SharedStarts {
  /** Number of the earlier message, or -1. */
  sources: Int32Array;
  /** How many blocks are equal; fewer than either message has. */
  blocks: Int32Array;
}

export const NO_MESSAGE = -1;

export class LaneQueue {
  /** Messages that begin by themselves, the last one goes first. */
  readonly #free: number[] = [];
  /** Messages whose first state is known. */
  readonly #ready: number[] = [];
  /** Messages that wait, by source and place, and for each source the first that still waits. */
  readonly #waiting: Float64Array;
  readonly #next: Int32Array;
  readonly #count: number;
  readonly #places: number;
  readonly #starts: Int32Array;

  /** @param blocks length of each message */
  constructor(count: number, blocks: Int32Array, starts?: SharedStarts) {
    this.#count = count;
    this.#places = 1;
    for (let i = 0; i < count; i++) if (blocks[i]! > this.#places) this.#places = blocks[i]!;
    this.#starts = starts?.blocks ?? new Int32Array(count);
    const free = new Float64Array(count);
    const waiting = new Float64Array(starts === undefined ? 0 : count);
    let [freeCount, waitingCount] = [0, 0];
    for (let i = 0; i < count; i++) {
      const source = starts === undefined ? NO_MESSAGE : sourceOf(i, starts);
      if (source < 0) free[freeCount++] = blocks[i]! * count + i;
      else waiting[waitingCount++] = (source * this.#places + this.#starts[i]!) * count + i;
    }
    // Long messages go first, so that no lane is left alone with one at the end.
    for (const key of free.subarray(0, freeCount).sort()) this.#free.push(key % count);
    this.#waiting = waiting.subarray(0, waitingCount).sort();
    this.#next = new Int32Array(count).fill(waitingCount);
    for (let row = waitingCount - 1; row >= 0; row--) this.#next[this.#sourceAt(row)] = row;
  }

  /** Takes a message that can begin, or NO_MESSAGE: none is left, or all wait for messages that lanes have now. */
  take(): number {
    return this.#ready.pop() ?? this.#free.pop() ?? NO_MESSAGE;
  }

  /** The place in a message at which the next one parts from it, in blocks; Infinity when no more do. */
  nextStop(message: number): number {
    const row = this.#next[message]!;
    return row < this.#waiting.length && this.#sourceAt(row) === message ? this.#placeAt(row) : Infinity;
  }

  /** Lets those go that part from a message at `place`. @param each gets their numbers */
  release(message: number, place: number, each: (waiting: number) => void): void {
    while (this.nextStop(message) === place) {
      const waiting = this.#waiting[this.#next[message]!++]! % this.#count;
      each(waiting);
      this.#ready.push(waiting);
    }
  }

  #sourceAt(row: number): number {
    return Math.floor(this.#waiting[row]! / this.#count / this.#places);
  }

  #placeAt(row: number): number {
    return Math.floor(this.#waiting[row]! / this.#count) % this.#places;
  }
}

/** The message that computes the state where `message` begins: its source may itself begin only later. */
function sourceOf(message: number, { sources, blocks }: SharedStarts): number {
  let source = sources[message]!;
  while (source >= 0 && sources[source]! >= 0 && blocks[source]! >= blocks[message]!) source = sources[source]!;
  return source;
}
