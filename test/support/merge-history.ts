/**
 * Invents a history full of merges that are hard to get right, as a `git fast-import` stream: renames, moved folders,
 * overlapping edits, criss-cross merges, changed kinds and modes. Everything follows from the seed.
 */
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

interface Commit {
  mark: number;
  tree: MergeTree;
}

const EPOCH = 1_600_000_000;
/** Of all commits. */
const MERGES = 0.35;
/** Of merges: both branches merge each other, so that their next merge has two bases. */
const CRISS_CROSS = 0.15;

/** Yields the stream; commit n is named by the ref `refs/heads/c/n`. */
export function* mergeHistory(options: MergeHistoryOptions): Generator<Buffer> {
  const { seed, commits, branches = 6, files = 60, wild = 0.02 } = options;
  const random = new Random(seed);
  const blobs = new Map<string, number>();
  let marks = 0;
  let made = 0;
  const blob = function* (content: Buffer): Generator<Buffer> {
    const key = content.toString('latin1');
    if (blobs.has(key)) return;
    marks += 1;
    blobs.set(key, marks);
    yield Buffer.from(`blob\nmark :${marks}\ndata ${content.length}\n`);
    yield content;
    yield Buffer.from('\n');
  };
  const commit = function* (tree: MergeTree, parents: Commit[]): Generator<Buffer, Commit> {
    for (const file of tree.values()) if (file.mode !== '160000') yield* blob(file.content);
    marks += 1;
    made += 1;
    const [first, ...rest] = parents.map(({ mark }) => `:${mark}`);
    const message = `Commit ${made}\n`;
    const lines = [`commit refs/heads/c/${made}`, `mark :${marks}`];
    lines.push(`committer Test Agent <agent@example.com> ${EPOCH + made * 60} +0000`);
    lines.push(`data ${message.length}`, message);
    if (first !== undefined) lines.push(`from ${first}`, ...rest.map((mark) => `merge ${mark}`));
    lines.push('deleteall');
    for (const [path, { mode, content }] of tree) {
      const value = mode === '160000' ? content.toString() : `:${blobs.get(content.toString('latin1'))}`;
      lines.push(`M ${mode} ${value} "${path}"`);
    }
    yield Buffer.from(`${lines.join('\n')}\n\n`);
    return { mark: marks, tree };
  };

  const root = yield* commit(newTree(random, files), []);
  const tips = Array.from({ length: branches }, () => root);
  while (made < commits) {
    const at = random.below(tips.length);
    const [own, other] = [tips[at]!, random.pick(tips)];
    if (own !== other && random.chance(MERGES)) {
      tips[at] = yield* commit(blend(own.tree, other.tree, random), [own, other]);
      const there = tips.indexOf(other);
      if (there >= 0 && random.chance(CRISS_CROSS)) {
        tips[there] = yield* commit(blend(other.tree, own.tree, random), [other, own]);
      }
    } else {
      const tree = new Map(own.tree);
      for (let edits = 1 + random.below(4); edits > 0; edits -= 1) mutate(tree, random, wild);
      tips[at] = yield* commit(tree, [own]);
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
