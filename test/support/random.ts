/** A small seeded generator (xorshift32): the same seed gives the same story on every machine. */
const WORDS =
  'agent branch cache delta entry fetch graph hash index job key lease merge node object pack queue ref shard tree unit value walk';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
    for (let i = 0; i < 8; i += 1) this.next();
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a non-empty list. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  words(count: number): string {
    const words = WORDS.split(' ');
    return Array.from({ length: count }, () => this.pick(words)).join(' ');
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.below(256);
    return bytes;
  }
}
