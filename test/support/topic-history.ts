/**
 * Invents the history of a calm project as a `git fast-import` stream: topic branches leave main, change a few files,
 * take main in now and then and come back. Most changes are edits, some are renames; everything follows from the seed.
 */
import { type Commit, HistoryStream } from './history-stream.js';
import { edit, type MergeTree, mutate, newTree } from './merge-tree.js';
import { Random } from './random.js';

export interface TopicHistoryOptions {
  seed: number;
  /** Commits in all, merges included. */
  commits: number;
  /** Topics open at a time; default 5. */
  topics?: number;
  /** Files at the start; default 150. */
  files?: number;
}

interface Topic {
  tip: Commit;
  /** What main and the topic last had in common. */
  base: Commit;
  /** Commits of the topic before its last one, which another developer may still merge. */
  older: Commit | undefined;
}

const RETURN = 0.3;
const UPDATE = 0.06;
/** Of updates: main got an older state of the topic at the same time, so that their next merge has two bases. */
const CROSS = 0.3;
/** Of changes; the others add, delete, move and copy files and folders. */
const EDITS = 0.85;

export function* topicHistory(options: TopicHistoryOptions): Generator<Buffer> {
  const { seed, commits, topics: open = 5, files = 150 } = options;
  const random = new Random(seed);
  const stream = new HistoryStream();
  let main = yield* stream.commit(newTree(random, files), []);
  const start = (): Topic => ({ tip: main, base: main, older: undefined });
  const topics = Array.from({ length: open }, start);
  while (stream.made < commits) {
    const at = random.below(open);
    const topic = topics[at]!;
    const isNew = topic.tip === topic.base;
    if (!isNew && random.chance(RETURN)) {
      main = yield* stream.commit(join(topic.base.tree, main.tree, topic.tip.tree), [main, topic.tip]);
      topics[at] = start();
    } else if (!isNew && main !== topic.base && random.chance(UPDATE)) {
      const { base, older } = topic;
      const taken = main;
      if (older !== undefined && random.chance(CROSS)) {
        main = yield* stream.commit(join(base.tree, main.tree, older.tree), [main, older]);
      }
      const tip = yield* stream.commit(join(base.tree, topic.tip.tree, taken.tree), [topic.tip, taken]);
      topics[at] = { tip, base: taken, older: undefined };
    } else {
      const tree = new Map(topic.tip.tree);
      for (let changes = 1 + random.below(3); changes > 0; changes -= 1) {
        if (random.chance(EDITS)) edit(tree, random);
        else mutate(tree, random, 0);
      }
      const older = isNew ? undefined : topic.tip;
      topics[at] = { ...topic, tip: yield* stream.commit(tree, [topic.tip]), older };
    }
  }
  yield Buffer.from('done\n');
}

/** A merge by whole files: what only theirs changed is theirs, all else stays ours. */
function join(base: MergeTree, ours: MergeTree, theirs: MergeTree): MergeTree {
  const tree: MergeTree = new Map(ours);
  for (const path of base.keys()) if (!theirs.has(path) && ours.get(path) === base.get(path)) tree.delete(path);
  for (const [path, file] of theirs) {
    if (base.get(path) === file || ours.get(path) !== base.get(path)) continue;
    const blocked = [...tree.keys()].some((known) => known.startsWith(`${path}/`) || path.startsWith(`${known}/`));
    if (!blocked) tree.set(path, file);
  }
  return tree;
}
