/** The commits that a rebase replays, and how they are written anew (git-rebase, merge backend). */

import { EMPTY_TREE } from '../git/diff/index.js';
import type { CommitGraph } from '../git/index.js';
import { encodeCommit, type Person, parseCommit } from '../git/objects/index.js';
import type { Oid } from '../git/oid.js';
import type { MergeStep } from '../packs/index.js';

/**
 * Commits of `head` that `target` lacks, in the order in which `git rev-list --topo-order --reverse --no-merges` names
 * them: lines of history are not interleaved.
 */
export function commitsToReplay(graph: CommitGraph, head: number, target: number): number[] {
  const wanted = new Set(graph.reachable([head], [target]));
  const children = new Map<number, number>();
  for (const commit of wanted) {
    for (const parent of graph.parents(commit)) children.set(parent, (children.get(parent) ?? 0) + 1);
  }
  const order: number[] = [];
  const stack = wanted.has(head) ? [head] : [];
  for (let commit = stack.pop(); commit !== undefined; commit = stack.pop()) {
    order.push(commit);
    for (const parent of graph.parents(commit)) {
      const left = (children.get(parent) ?? 0) - 1;
      children.set(parent, left);
      if (left === 0 && wanted.has(parent)) stack.push(parent);
    }
  }
  return order.reverse().filter((commit) => graph.parents(commit).length < 2);
}

/** One cherry-pick per commit: what it changed, on top of what the one before left. */
export function replaySteps(graph: CommitGraph, commits: readonly number[], target: number): MergeStep[] {
  return commits.map((commit, i) => ({
    base: { kind: 'tree', oid: parentTree(graph, commit) },
    ours: i === 0 ? { kind: 'tree', oid: graph.tree(target) } : 'previous',
    theirs: { kind: 'tree', oid: graph.tree(commit) },
  }));
}

/**
 * True when nothing is left of a commit after its replay. Commits that were empty from the start are kept: somebody
 * wanted them.
 */
export function becameEmpty(graph: CommitGraph, commit: number, before: Oid, after: Oid): boolean {
  return before === after && graph.tree(commit) !== parentTree(graph, commit);
}

function parentTree(graph: CommitGraph, commit: number): Oid {
  const [parent] = graph.parents(commit);
  return parent === undefined ? EMPTY_TREE : graph.tree(parent);
}

/**
 * The bytes of a commit with the same author and message in another place. Signatures do not survive, as they cover the
 * old place; text is written in UTF-8 whatever it was before.
 */
export function rewriteCommit(original: Uint8Array, place: { tree: Oid; parent: Oid; committer: Person }): Buffer {
  const { author, message } = parseCommit(original);
  return encodeCommit({
    tree: place.tree,
    parents: [place.parent],
    author: tidy(author),
    committer: place.committer,
    message: message.replaceAll('\0', ''),
  });
}

/** Old histories hold person lines that may not be written any more; git leaves such characters out, too. */
function tidy({ name, email, time, timezone }: Person): Person {
  const clean = (text: string) => text.replace(/[<>\n\0]/g, '').trim();
  return { name: clean(name), email: clean(email), time, timezone: /^[+-]\d{4}$/.test(timezone) ? timezone : '+0000' };
}
