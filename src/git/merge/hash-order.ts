/**
 * The order in which git meets the keys of one of its hash tables. It decides which of several equally good pairs
 * becomes a rename, so equal results need equal order.
 */

const FIRST_SIZE = 64;
const GROWTH = 4;
/** Filled more than this, the table grows. */
const MAX_LOAD = 0.8;

/** @param keys latin1 texts in the order in which they were added, each once */
export function inHashOrder(keys: Iterable<string>): string[] {
  let table = new Table(FIRST_SIZE);
  let count = 0;
  for (const key of keys) {
    table.add(key);
    count++;
    if (count > Math.floor(table.size * MAX_LOAD)) {
      const larger = new Table(table.size * GROWTH);
      for (const known of table.keys()) larger.add(known);
      table = larger;
    }
  }
  return table.keys();
}

class Table {
  readonly #buckets: string[][];

  constructor(readonly size: number) {
    this.#buckets = Array.from({ length: size }, () => []);
  }

  add(key: string): void {
    this.#buckets[hash(key) % this.size]!.push(key);
  }

  /** A bucket is a list that grows at its head. */
  keys(): string[] {
    return this.#buckets.flatMap((bucket) => bucket.toReversed());
  }
}

/** FNV-1 with 32 bits. */
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) value = Math.imul(value, 0x01000193) ^ key.charCodeAt(i);
  return value >>> 0;
}
