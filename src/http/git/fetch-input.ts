/** What the lines of a fetch request mean in a repository. */
import type { Snapshot } from '../../catalog/index.js';
import { type DepthPlan, planDepth, type ResolvedWants } from '../../fetch/index.js';
import {
  type CommitGraph,
  type DepthArgs,
  type Knowledge,
  type Oid,
  ProtocolError,
  quoteLine,
  type ShallowUpdate,
} from '../../git/index.js';
import type { Ref } from '../../refs/index.js';
import { headOf } from './advertise.js';
import type { GitAccess } from './target.js';

/** @throws ProtocolError in git's words */
export function depthOf(
  snapshot: Snapshot,
  access: GitAccess,
  refs: readonly Ref[],
  wants: ResolvedWants,
  args: DepthArgs,
): DepthPlan {
  return planDepth(snapshot, { args, wants: wants.commits, refs, head: headOf(access.repo, refs).oid });
}

/** The border as it is told to the client. */
export function shallowUpdate(graph: CommitGraph, { shallow, unshallow }: DepthPlan): ShallowUpdate {
  return { shallow: shallow.map((at) => graph.oid(at)), unshallow: unshallow.map((at) => graph.oid(at)) };
}

/** Values of refs that are wanted by full name. @throws ProtocolError in git's words */
export function valuesOf(names: readonly string[], refs: readonly Ref[], head: Oid | undefined): Map<string, Oid> {
  const wanted = new Map<string, Oid>();
  if (names.length === 0) return wanted;
  const values = new Map(refs.map((ref) => [ref.name, ref.oid]));
  if (head !== undefined) values.set('HEAD', head);
  for (const name of names) {
    const oid = values.get(name);
    if (oid === undefined) throw new ProtocolError(`unknown ref ${quoteLine(name)}`);
    wanted.set(name, oid);
  }
  return wanted;
}

/**
 * What both sides may have: commits and tags, which are all that clients name.
 * @param unshallow commits whose parents are wanted too
 */
export function knowledge({ graph }: Snapshot, wants: readonly Oid[], unshallow: readonly number[] = []): Knowledge {
  const commit = (oid: Oid) => graph.indexOf(graph.peel(oid).oid);
  return {
    has: (oid) => graph.has(oid) || graph.tag(oid) !== undefined,
    readyToGiveUp(common) {
      const targets = common.map(commit).filter((at) => at >= 0);
      const from = [...wants.map(commit), ...unshallow.flatMap((at) => graph.parents(at))];
      return from.every((at) => at >= 0) && graph.allReach(from, targets);
    },
  };
}
