import type { RenameHints } from './renames-hints.js';
import { sameBasename } from './renames-names.js';
import type { Source, Target } from './renames-types.js';
import type { Similarity } from './similarity.js';

/** Sources remembered for each target. The best may be taken by another target; this many alternatives suffice. */
const CANDIDATES = 4;

interface Candidate {
  source: Source;
  target: Target;
  score: number;
  sameName: number;
}

/** Pairs the most similar files first, among all pairs of at least `minimum`. */
export function matchBySimilarity(
  sources: readonly Source[],
  targets: readonly Target[],
  similarity: Similarity,
  minimum: number,
  hints: RenameHints | undefined,
): void {
  const all: Candidate[] = [];
  for (const target of targets) {
    const best: (Candidate | undefined)[] = new Array(CANDIDATES).fill(undefined);
    for (const source of sources) {
      const score = similarity.score(source, target, minimum);
      const sameName = sameBasename(source.path, target.path) ? 1 : 0;
      const candidate = { source, target, score, sameName };
      let worst = 0;
      for (let i = 1; i < CANDIDATES; i++) if (order(best[i], best[worst]) > 0) worst = i;
      if (order(best[worst], candidate) > 0) best[worst] = candidate;
    }
    for (const candidate of best) if (candidate !== undefined) all.push(candidate);
  }
  for (const { source, target, score } of all.sort(order)) {
    if (score < minimum) break;
    if (target.source !== undefined || source.used) continue;
    source.used = true;
    target.source = source;
    hints?.record(source.path, target.path);
  }
}

/** Best first; unused places last. */
function order(a: Candidate | undefined, b: Candidate | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  if (b === undefined) return -1;
  return b.score - a.score || b.sameName - a.sameName;
}
