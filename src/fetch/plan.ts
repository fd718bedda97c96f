/**
 * The pack plan: which stored packs go out whole, and what is sent beside them.
 *
 * A stored pack may be sent whole when every object in it is reachable from what is wanted: it is tight and the wants
 * reach all its tips. Objects refer only to objects of the same or an earlier pack, so a run of such packs from the
 * oldest on is closed: nothing in it needs anything outside. Everything after the run is walked commit by commit.
 */
import type { Snapshot, StoredPack } from '../catalog/index.js';
import { type Oid, packOids } from '../git/oid.js';
import type { BuildRequest } from '../packs/index.js';
import type { Ref } from '../refs/index.js';
import type { ResolvedWants } from './wants.js';

export interface PlanInput {
  wants: ResolvedWants;
  /** Graph positions of commits the client has. */
  haves: readonly number[];
  /** Client asked that annotated tags of sent commits come along. */
  includeTag: boolean;
  refs: readonly Ref[];
  thin: boolean;
  ofsDelta: boolean;
}

export interface Plan extends Omit<BuildRequest, 'packs' | 'outPath'> {
  /** Set when the answer is exactly one stored pack, which can be streamed as it is. */
  single: StoredPack | undefined;
  /** Packs that may be read while building. */
  needed: string[];
}

export function planPack(snapshot: Snapshot, input: PlanInput): Plan {
  const { graph } = snapshot;
  const included = graph.reachable(input.wants.commits, [...input.haves]);
  const extra = new Set<Oid>([...input.wants.tags, ...input.wants.blobs]);
  const member = new Uint8Array(graph.size);
  for (const commit of included) member[commit] = 1;
  if (input.includeTag) {
    for (const ref of input.refs) {
      if (ref.peeled !== undefined && member[graph.indexOf(ref.peeled)] === 1) addTagChain(snapshot, ref.oid, extra);
    }
  }
  const whole = input.haves.length > 0 ? [] : closedRun(snapshot, member, new Set([...extra, ...input.wants.trees]));
  const covered = (commit: number) => whole.some((pack) => commit >= pack.commits.from && commit < pack.commits.to);
  const commits = included.filter((commit) => !covered(commit));
  const inWhole = (oid: Oid) => whole.some((pack) => pack.tips.includes(oid));
  const rest = [...extra].filter((oid) => !inWhole(oid));
  const trees = input.wants.trees.filter((oid) => !inWhole(oid));
  const boundary = input.haves.length > 0 ? boundaryOf(snapshot, included, member, input.haves) : [];
  const complete = commits.length === 0 && trees.length === 0 && rest.length === 0;
  return {
    wholePacks: whole.map((pack) => pack.hash),
    commits: graph.pack(commits, 'oids'),
    trees: Buffer.concat([graph.pack(commits, 'trees'), packOids(trees)]),
    boundaryCommits: graph.pack(boundary, 'oids'),
    boundaryTrees: graph.pack(boundary, 'trees'),
    extra: packOids(rest),
    thin: input.thin && boundary.length > 0,
    ofsDelta: input.ofsDelta,
    single:
      whole.length === 1 && commits.length === 0 && rest.length === 0 && trees.length === 0 ? whole[0] : undefined,
    needed: complete ? whole.map((pack) => pack.hash) : snapshot.packs.map((pack) => pack.hash),
  };
}

function addTagChain(snapshot: Snapshot, oid: Oid, into: Set<Oid>): void {
  for (let tag = snapshot.graph.tag(oid), at = oid; tag !== undefined; tag = snapshot.graph.tag(at)) {
    into.add(at);
    at = tag.target;
  }
}

/** The longest run of packs, oldest first, of which every object is wanted. */
function closedRun(snapshot: Snapshot, member: Uint8Array, single: ReadonlySet<Oid>): StoredPack[] {
  const run: StoredPack[] = [];
  for (const pack of snapshot.packs) {
    const wanted = (oid: Oid) => member[snapshot.graph.indexOf(oid)] === 1 || single.has(oid);
    if (!pack.tight || !pack.tips.every(wanted)) break;
    run.push(pack);
  }
  return run;
}

/** Commits the client has that border on what is sent, and what it named itself: the bases of a thin pack. */
function boundaryOf(snapshot: Snapshot, included: Int32Array, member: Uint8Array, haves: readonly number[]): number[] {
  const boundary = new Set(haves.filter((commit) => member[commit] === 0).slice(0, MAX_HAVE_BASES));
  for (const commit of snapshot.graph.boundary(included)) boundary.add(commit);
  return [...boundary];
}

/** Of the commits a client names only so many are used as bases: each costs a walk over its whole tree. */
const MAX_HAVE_BASES = 16;
