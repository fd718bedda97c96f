/** Ends computations that would hold a worker for too long. */
import { AppError } from '../../errors.js';
import type { WorkMeter } from '../../git/objects/index.js';

/**
 * Time for one diff or one merge, milliseconds. Real ones take milliseconds to seconds; trees and texts made to be slow
 * must not keep the workers from fetches and pushes.
 */
export const MAX_COMPUTE_MS = 15_000;

/** The clock is read once in so many steps; they take about a millisecond. */
const STEPS_PER_LOOK = 20_000;

export class TimeMeter implements WorkMeter {
  readonly #end: number;
  readonly #limit: number;
  #left = STEPS_PER_LOOK;

  constructor(limit: number = MAX_COMPUTE_MS) {
    this.#limit = limit;
    this.#end = performance.now() + limit;
  }

  /** @throws AppError PAYLOAD_TOO_LARGE when the time is over */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left > 0) return;
    this.#left = STEPS_PER_LOOK;
    if (performance.now() < this.#end) return;
    throw new AppError('PAYLOAD_TOO_LARGE', {
      message: `Comparing these commits takes longer than ${this.#limit / 1000} seconds.`,
    });
  }
}
