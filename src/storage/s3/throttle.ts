const FIRST_MS = 1000;
const LARGEST_FACTOR = 32;
const LONGEST_MS = 30_000;

/** Pauses below this are not worth a timer. */
const NEGLIGIBLE_MS = 50;

/**
 * The pause that all calls of one store share after the service asked to slow down: 1000 ms * 2^k after k such answers
 * in a row, at most 30 s, halved by each success.
 */
export class Throttle {
  #hits = 0;
  #pauseMs = 0;

  get pauseMs(): number {
    return this.#pauseMs;
  }

  slowDown(): void {
    this.#hits++;
    const pause = Math.min(FIRST_MS * Math.min(2 ** this.#hits, LARGEST_FACTOR), LONGEST_MS);
    this.#pauseMs = Math.max(this.#pauseMs, pause);
  }

  success(): void {
    this.#hits = 0;
    this.#pauseMs = this.#pauseMs / 2 < NEGLIGIBLE_MS ? 0 : this.#pauseMs / 2;
  }
}
