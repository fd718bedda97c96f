/**
 * Counts from which folder to which other the files of one side went. The counts guide the search for renames, and
 * tell in the end which folders were renamed as a whole (git's "directory rename detection").
 */
import { basename, dirname, type RenameHints, type Source, type Target } from '../diff/index.js';
import { inHashOrder } from './hash-order.js';
import { ANCESTOR_MATTERS, SELF_MATTERS, type SideChanges, UNIMPORTANT } from './side-changes.js';

/** Stands for the place of files not found yet. No folder has this name. */
const UNKNOWN = '/';

export class FolderMoves implements RenameHints {
  readonly #changes: SideChanges;
  #guesses = new Map<string, string>();
  readonly #settled = new Set<string>();

  constructor(changes: SideChanges) {
    this.#changes = changes;
  }

  isRelevant(path: string): boolean {
    return this.#changes.relevant.has(path);
  }

  start(targets: readonly Target[]): void {
    for (const { source, path } of targets) if (source !== undefined) this.record(source.path, path);
    for (const [folder, counts] of this.#changes.moves) this.#guesses.set(folder, mostFrequent(counts));
  }

  guess(path: string): string | undefined {
    const folder = this.#guesses.get(dirname(path));
    return folder === undefined ? undefined : `${folder}/${basename(path)}`;
  }

  /**
   * Counts one renamed file for its folder, and for the folders above as long as the rest of the path stayed the same:
   * a/b/x/f to a/c/x/f says that a/b/x became a/c/x and a/b became a/c.
   */
  record(from: string, to: string): void {
    let [oldFolder, newFolder] = [from, to];
    for (let first = true; ; first = false) {
      const [oldLast, newLast] = [basename(oldFolder), basename(newFolder)];
      oldFolder = dirname(oldFolder);
      const importance = this.#changes.lostFolders.get(oldFolder);
      if (importance === undefined) return;
      newFolder = dirname(newFolder);
      if (!first && oldLast !== newLast) return;
      if (first || importance === SELF_MATTERS) this.#count(oldFolder, newFolder);
      if (importance === UNIMPORTANT || oldFolder === '' || newFolder === '') return;
    }
  }

  /** Leaves out files that only mattered for folders whose new place is certain by now. */
  stillNeeded(sources: Source[]): Source[] {
    const { lostFolders, moves, relevant } = this.#changes;
    for (const { path } of sources) {
      for (let folder = dirname(path); folder !== '' && this.#importance(folder) !== UNIMPORTANT; ) {
        this.#count(folder, UNKNOWN);
        folder = dirname(folder);
      }
    }
    for (const [folder, counts] of moves) {
      if (lostFolders.get(folder) === SELF_MATTERS && isCertain(counts)) this.#settled.add(folder);
    }
    for (const folder of this.#settled) lostFolders.set(folder, ANCESTOR_MATTERS);
    return sources.filter(({ path }) => relevant.get(path) === 'content' || this.#isOpen(dirname(path)));
  }

  finish(): void {
    for (const [folder, counts] of this.#changes.moves) {
      if (this.#importance(folder) === UNIMPORTANT) this.#changes.moves.delete(folder);
      else counts.delete(UNKNOWN);
    }
  }

  /** True when this folder or one above still has to be placed. */
  #isOpen(path: string): boolean {
    for (let folder = path; ; folder = dirname(folder)) {
      const importance = this.#importance(folder);
      if (importance !== ANCESTOR_MATTERS) return importance === SELF_MATTERS;
    }
  }

  #importance(folder: string): number {
    return this.#changes.lostFolders.get(folder) ?? UNIMPORTANT;
  }

  #count(from: string, to: string): void {
    const counts = this.#changes.moves.get(from) ?? new Map<string, number>();
    counts.set(to, (counts.get(to) ?? 0) + 1);
    this.#changes.moves.set(from, counts);
  }
}

/** No file still unknown could change which place has the most. */
function isCertain(counts: ReadonlyMap<string, number>): boolean {
  const known = [...counts].filter(([folder]) => folder !== UNKNOWN).map(([, count]) => count);
  const [first = 0, second = 0] = known.sort((a, b) => b - a);
  return first > second + (counts.get(UNKNOWN) ?? 0);
}

function mostFrequent(counts: ReadonlyMap<string, number>): string {
  let [best, most] = ['', 0];
  for (const folder of inHashOrder(counts.keys())) {
    const count = counts.get(folder)!;
    if (count > most) [best, most] = [folder, count];
  }
  return best;
}
