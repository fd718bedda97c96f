/**
 * Invents a history full of merges that are hard to get right, as a `git fast-import` stream: renames, moved folders,
 * overlapping edits, criss-cross merges, changed kinds and modes. Everything follows from the seed.
 */
import { HistoryStream } from './history-stream.js';
import { type MergeTree, mutate, newTree } from './merge-tree.js';
import { Random } from './random.js';

export interface MergeHistoryOptions {
  seed: number;
  /** Commits in all, merges included. */
  commits: number;
  /** Branches alive at a time; default 6. */
  branches?: number;
  /** Files at the start; the fewer, the more often branches touch the same. Default 60. */
  files?: number;
  /** Share of changes that put another kind of thing in the place of a file; default 0.02. */
  wild?: number;
}

/** Of all commits. */
const MERGES = 0.35;
/** Of merges: both branches merge each other, so that their next merge has two bases. */
const CRISS_CROSS = 0.15;

export function* mergeHistory(options: MergeHistoryOptions): Generator<Buffer> {
  const { seed, commits, branches = 6, files = 60, wild = 0.02 } = options;
  const random = new Random(seed);
  const stream = new HistoryStream();
  const root = yield* stream.commit(newTree(random, files), []);
  const tips = Array.from({ length: branches }, () => root);
  while (stream.made < commits) {
    const at = random.below(tips.length);
    const [own, other] = [tips[at]!, random.pick(tips)];
    if (own !== other && random.chance(MERGES)) {
      tips[at] = yield* stream.commit(blend(own.tree, other.tree, random), [own, other]);
      const there = tips.indexOf(other);
      if (there >= 0 && random.chance(CRISS_CROSS)) {
        tips[there] = yield* stream.commit(blend(other.tree, own.tree, random), [other, own]);
      }
    } else {
      const tree = new Map(own.tree);
      for (let edits = 1 + random.below(4); edits > 0; edits -= 1) mutate(tree, random, wild);
      tips[at] = yield* stream.commit(tree, [own]);
    }
    // A branch far from the others would only ever bring the same large conflicts.
    if (random.chance(0.08)) tips[random.below(tips.length)] = random.pick(tips);
  }
  yield Buffer.from('done\n');
}

/** What somebody might commit as the result of a merge: mostly ours, here and there theirs. */
function blend(ours: MergeTree, theirs: MergeTree, random: Random): MergeTree {
  const share = random.pick([0, 0.1, 0.5, 1]);
  const tree: MergeTree = new Map(ours);
  for (const [path, file] of theirs) {
    if (!random.chance(share)) continue;
    const blocked = [...tree.keys()].some((known) => known.startsWith(`${path}/`) || path.startsWith(`${known}/`));
    if (!blocked) tree.set(path, file);
  }
  for (const path of [...tree.keys()]) if (!theirs.has(path) && random.chance(share / 2)) tree.delete(path);
  return tree;
}
