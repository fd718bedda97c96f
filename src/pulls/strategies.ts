/** The three ways to merge, computed on stored objects: a new head for the target branch, and the objects it needs. */
import type { Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type NewObject, planMerge } from '../git/merge/index.js';
import { encodeCommit, objectId, type Person } from '../git/objects/index.js';
import type { Oid } from '../git/oid.js';
import type { MergeOutcome } from '../packs/index.js';
import { forEachParallel } from '../parallel.js';
import type { Comparison } from './comparison.js';
import { becameEmpty, commitsToReplay, replaySteps, rewriteCommit } from './replay.js';
import type { MergeStrategy } from './schemas.js';
import type { Pull } from './store.js';
import { mergeTrees, withAllPacks } from './trees.js';

/** Commits replayed in one request: each is read, merged and written, and the client waits for all of them. */
export const MAX_REPLAYED = 1000;

/** Commits read at once. */
const READ_LANES = 8;

export interface MergeTask {
  snapshot: Snapshot;
  pull: Pick<Pull, 'prId' | 'title' | 'description' | 'sourceBranch'>;
  pair: Comparison;
  /** Who merges, and when. */
  merger: Person;
}

export interface Change {
  /** New head of the target branch. */
  head: Oid;
  /** Its root tree. */
  tree: Oid;
  objects: NewObject[];
}

/** Thrown when the strategy finds nothing to do. */
export class NothingToMerge extends Error {
  override readonly name = 'NothingToMerge';
}

/**
 * @throws AppError MERGE_CONFLICTS with details `{conflicts}`, PAYLOAD_TOO_LARGE beyond the limits of the pack engine
 * @throws NothingToMerge when every replayed commit became empty
 */
export function makeChange(ctx: AppContext, strategy: MergeStrategy, task: MergeTask): Promise<Change> {
  return strategy === 'rebase' ? rebase(ctx, task) : join(ctx, task, strategy);
}

async function join(ctx: AppContext, task: MergeTask, strategy: 'merge' | 'squash'): Promise<Change> {
  const { snapshot, pull, pair, merger } = task;
  const { graph } = snapshot;
  const { tree, objects } = await mergedTree(ctx, snapshot, pair);
  const parents = [graph.oid(pair.target), ...(strategy === 'merge' ? [graph.oid(pair.head)] : [])];
  const message =
    strategy === 'merge'
      ? `Merge pull request ${pull.prId} from ${pull.sourceBranch}\n\n${pull.title}\n`
      : `${[pull.title, pull.description].filter(Boolean).join('\n\n')}\n`;
  const commit = newCommit(encodeCommit({ tree, parents, author: merger, committer: merger, message }));
  return { head: commit.oid, tree, objects: [...objects, commit] };
}

async function mergedTree(
  ctx: AppContext,
  snapshot: Snapshot,
  { head, target }: Comparison,
): Promise<Pick<Change, 'tree' | 'objects'>> {
  const { graph } = snapshot;
  if (graph.isAncestor(target, head)) return { tree: graph.tree(head), objects: [] };
  const outcome = await mergeTrees(ctx, snapshot, [planMerge(graph, target, head)]);
  assertClean(outcome);
  return { tree: outcome.steps.at(-1)?.tree ?? graph.tree(target), objects: outcome.objects };
}

async function rebase(ctx: AppContext, { snapshot, pair, merger }: MergeTask): Promise<Change> {
  const { graph } = snapshot;
  const commits = commitsToReplay(graph, pair.head, pair.target);
  if (commits.length > MAX_REPLAYED) {
    throw new AppError('PAYLOAD_TOO_LARGE', {
      message: `A rebase replays at most ${MAX_REPLAYED} commits, not ${commits.length}; merge or squash instead.`,
    });
  }
  const outcome =
    commits.length === 0
      ? { steps: [], objects: [] }
      : await mergeTrees(ctx, snapshot, replaySteps(graph, commits, pair.target));
  assertClean(outcome);
  const originals = await readCommits(
    ctx,
    snapshot,
    commits.map((commit) => graph.oid(commit)),
  );
  const written: NewObject[] = [];
  let parent = graph.oid(pair.target);
  let before = graph.tree(pair.target);
  for (const [i, commit] of commits.entries()) {
    const tree = outcome.steps[i]?.tree ?? before;
    const original = originals.get(graph.oid(commit));
    if (original === undefined) throw new AppError('OBJECT_CORRUPTED', { details: { oid: graph.oid(commit) } });
    if (!becameEmpty(graph, commit, before, tree)) {
      const rewritten = newCommit(rewriteCommit(original, { tree, parent, committer: merger }));
      written.push(rewritten);
      parent = rewritten.oid;
    }
    before = tree;
  }
  if (written.length === 0) throw new NothingToMerge();
  return { head: parent, tree: before, objects: [...outcome.objects, ...written] };
}

function assertClean({ steps }: MergeOutcome): void {
  const conflicts = steps.flatMap((step) => step.conflicts);
  if (conflicts.length > 0) throw new AppError('MERGE_CONFLICTS', { details: { conflicts } });
}

async function readCommits(ctx: AppContext, snapshot: Snapshot, oids: readonly Oid[]): Promise<Map<Oid, Uint8Array>> {
  const contents = new Map<Oid, Uint8Array>();
  await withAllPacks(ctx, snapshot, (packs) =>
    forEachParallel(oids, READ_LANES, async (oid) => {
      const object = await ctx.engine.read(packs, oid);
      if (object?.type === 'commit') contents.set(oid, object.data);
    }),
  );
  return contents;
}

function newCommit(content: Buffer): NewObject {
  return { oid: objectId('commit', content), type: 'commit', content };
}
