/**
 * Shallow fetches: where the client's history will end (gitprotocol-pack, "Packfile Negotiation"; git-fetch,
 * `--depth`, `--deepen`, `--shallow-since`, `--shallow-exclude`, `--unshallow`).
 */
import type { Snapshot } from '../catalog/index.js';
import {
  asksToDeepen,
  type CommitGraph,
  type DepthArgs,
  INFINITE_DEPTH,
  type Oid,
  ProtocolError,
} from '../git/index.js';
import type { Ref } from '../refs/index.js';
import { visibleObjects } from './visible.js';

/** Graph positions all. */
export interface DepthPlan {
  /** Commits that become border commits of the client, and those that stop to be. */
  shallow: number[];
  unshallow: number[];
  /** Commits whose parents are neither sent nor at the client; those of `unshallow` are walked from anew. */
  cut: ReadonlySet<number>;
}

export interface DepthInput {
  args: DepthArgs;
  /** Commits that are wanted. */
  wants: readonly number[];
  refs: readonly Ref[];
  /** Value of HEAD, unless that branch does not exist. */
  head: Oid | undefined;
}

/** @throws ProtocolError in git's words */
export function planDepth(snapshot: Snapshot, input: DepthInput): DepthPlan {
  const { graph } = snapshot;
  const { args, wants, refs } = input;
  const client = clientBorder(graph, args.shallow);
  if (!asksToDeepen(args)) return { shallow: [], unshallow: [], cut: client };
  // What lies behind a border commit that no ref reaches is not for this client, whatever it says to have.
  const visible = visibleObjects(snapshot, refs);
  const ours = () => [...client].filter((commit) => visible.hasCommit(commit));
  if (args.deepen === INFINITE_DEPTH) return { shallow: [], unshallow: ours(), cut: client };
  const { border, inside } =
    args.deepen === 0
      ? borderByRange(graph, input)
      : graph.borderAtDepth(args.deepenRelative ? ours() : wants, args.deepen + Number(args.deepenRelative));
  const unshallow = [...client].filter((commit) => inside[commit] === 1);
  // A border commit that lies behind others is not sent. Git names it all the same, which leaves clients with a border
  // commit that they do not have, and their next fetch fails.
  const met = new Set(graph.reachable([...wants, ...unshallow], [], { cut: new Set(border) }));
  const shallow = border.filter((commit) => met.has(commit) && !client.has(commit));
  return { shallow, unshallow, cut: new Set([...client, ...shallow]) };
}

/** Border commits of the client; what the server does not know cannot lie behind anything that it sends. */
function clientBorder(graph: CommitGraph, oids: readonly Oid[]): Set<number> {
  const border = new Set<number>();
  for (const oid of oids) {
    if (graph.tag(oid) !== undefined) throw new ProtocolError(`invalid shallow object ${oid}`);
    const commit = graph.indexOf(oid);
    if (commit >= 0) border.add(commit);
  }
  return border;
}

function borderByRange(graph: CommitGraph, { args, wants, refs, head }: DepthInput) {
  const excluded = excludedCommits(graph, args.deepenNot, refs, head);
  const limits = args.deepenSince === undefined ? {} : { since: args.deepenSince };
  const commits = graph.reachable(wants, excluded, limits);
  if (commits.length === 0) throw new ProtocolError('no commits selected for shallow requests');
  return graph.borderOf(commits);
}

/** A short name means what it means to `git rev-parse`, and must mean one ref only. */
function excludedCommits(
  graph: CommitGraph,
  names: readonly string[],
  refs: readonly Ref[],
  head: Oid | undefined,
): number[] {
  if (names.length === 0) return [];
  const values = new Map(refs.map((ref) => [ref.name, ref.oid]));
  if (head !== undefined) values.set('HEAD', head);
  return names.flatMap((name) => {
    const places = ['', 'refs/', 'refs/tags/', 'refs/heads/', 'refs/remotes/'].map((place) => place + name);
    const found = [...places, `refs/remotes/${name}/HEAD`].flatMap((full) => values.get(full) ?? []);
    const [oid] = found;
    if (oid === undefined || found.length > 1) {
      throw new ProtocolError(`git upload-pack: ambiguous deepen-not: deepen-not ${name}`);
    }
    const commit = graph.indexOf(graph.peel(oid).oid);
    return commit < 0 ? [] : [commit];
  });
}
