import type { RenameHints } from './renames-hints.js';
import { basename } from './renames-names.js';
import type { Source, Target } from './renames-types.js';
import type { Similarity } from './similarity.js';

/**
 * Pairs files of one base name. Where a base name is not unique, a merge may guess the target from the way other files
 * of the folder went.
 */
export function matchByBasename(
  sources: readonly Source[],
  targets: readonly Target[],
  similarity: Similarity,
  minimum: number,
  hints: RenameHints | undefined,
): void {
  const open = targets.filter((target) => target.source === undefined);
  const [ofSource, ofTarget] = [uniqueBasenames(sources), uniqueBasenames(open)];
  const byPath = new Map(hints === undefined ? [] : open.map((target) => [target.path, target]));
  for (const source of sources) {
    // Files that do not matter still make a base name ambiguous.
    if (hints?.isRelevant(source.path) === false) continue;
    const name = basename(source.path);
    if (!ofTarget.has(name)) continue;
    let target = ofTarget.get(name);
    if (ofSource.get(name) === undefined || target === undefined) {
      const guess = hints?.guess(source.path);
      target = guess === undefined ? undefined : byPath.get(guess);
    }
    if (target === undefined || target.source !== undefined) continue;
    if (similarity.score(source, target, minimum) < minimum) continue;
    source.used = true;
    target.source = source;
    hints?.record(source.path, target.path);
  }
}

/** The file of each base name, undefined when there are several. */
function uniqueBasenames<T extends { path: string }>(files: readonly T[]): Map<string, T | undefined> {
  const unique = new Map<string, T | undefined>();
  for (const file of files) {
    const name = basename(file.path);
    unique.set(name, unique.has(name) ? undefined : file);
  }
  return unique;
}
