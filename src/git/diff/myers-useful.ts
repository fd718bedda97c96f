/**
 * Takes lines out of the comparison that would only mislead it: those the other text lacks, and frequent ones that
 * stand among such lines. The constants are git's, as they decide which of several valid diffs comes out.
 */

const NO_MATCH = 0;
const MATCH = 1;
const FREQUENT = 2;

/** A line with at least this many partners is frequent, however long the text. */
const MAX_FREQUENT = 1024;
/** Lines looked at on either side of a frequent one. */
const WINDOW = 100;
/** A frequent line goes when the frequent ones make up less than a quarter (counting both runs) of its surroundings. */
const RUN_FACTOR = 4;

/**
 * Indexes of the lines `from` up to `to` of `text` worth comparing; the others are marked in `changed`.
 */
export function usefulLines(
  text: Int32Array,
  other: Int32Array,
  from: number,
  to: number,
  changed: Uint8Array,
): Int32Array {
  if (from >= to) return new Int32Array(0);
  const partners = new Map<number, number>();
  for (const line of other) partners.set(line, (partners.get(line) ?? 0) + 1);
  const frequent = Math.min(roughSquareRoot(text.length), MAX_FREQUENT);
  const kinds = new Uint8Array(to);
  for (let i = from; i < to; i++) {
    const count = partners.get(text[i]!) ?? 0;
    kinds[i] = count === 0 ? NO_MATCH : count >= frequent ? FREQUENT : MATCH;
  }
  const useful = new Int32Array(to - from);
  let size = 0;
  for (let i = from; i < to; i++) {
    const keep = kinds[i] === MATCH || (kinds[i] === FREQUENT && !isAmongStrangers(kinds, i, from, to));
    if (keep) useful[size++] = i;
    else changed[i] = 1;
  }
  return useful.subarray(0, size);
}

function isAmongStrangers(kinds: Uint8Array, at: number, from: number, to: number): boolean {
  const before = runOf(kinds, at, -1, Math.max(from, at - WINDOW));
  if (before.strangers === 0) return false;
  const after = runOf(kinds, at, 1, Math.min(to - 1, at + WINDOW));
  if (after.strangers === 0) return false;
  const strangers = before.strangers + after.strangers;
  const frequent = before.frequent + after.frequent;
  return frequent * RUN_FACTOR < frequent + strangers;
}

/** Counts the lines next to `at`, up to `last` or the first that has a match; `at` itself counts as frequent. */
function runOf(kinds: Uint8Array, at: number, step: 1 | -1, last: number): { strangers: number; frequent: number } {
  let strangers = 0;
  let frequent = 1;
  for (let i = at + step; step < 0 ? i >= last : i <= last; i += step) {
    if (kinds[i] === NO_MATCH) strangers++;
    else if (kinds[i] === FREQUENT) frequent++;
    else break;
  }
  return { strangers, frequent };
}

/** The power of two next to the square root that git uses in its bounds. */
export function roughSquareRoot(n: number): number {
  let root = 1;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 4)) root *= 2;
  return root;
}
