/**
 * The pack plan: which stored packs go out whole, and what is sent beside them.
 *
 * A stored pack may be sent whole when every object in it is reachable from what is wanted: it is tight and the wants
 * reach all its tips. Objects refer only to objects of the same or an earlier pack, so a run of such packs from the
 * oldest on is closed: nothing in it needs anything outside. Everything after the run is walked commit by commit.
 *
 * A filter that asks for nothing but type and size is answered by the sidecars of those packs, without reading a tree.
 */
import type { Snapshot, StoredPack } from '../catalog/index.js';
import type { CommitGraph, ObjectFilter } from '../git/index.js';
import { type Oid, packOids } from '../git/oid.js';
import type { BuildRequest } from '../packs/index.js';
import type { Ref } from '../refs/index.js';
import type { DepthPlan } from './depth.js';
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
  /** Set for a client that is or will be shallow. */
  depth?: DepthPlan;
  /** Set for a partial fetch. */
  filter?: ObjectFilter | undefined;
}

export interface Plan extends Omit<BuildRequest, 'packs' | 'outPath'> {
  /** Set when the answer is exactly one stored pack, which can be streamed as it is. */
  single: StoredPack | undefined;
  /** Packs that may be read while building. */
  needed: string[];
}

const NO_DEPTH: DepthPlan = { shallow: [], unshallow: [], cut: new Set() };

export function planPack(snapshot: Snapshot, input: PlanInput): Plan {
  return asksForAll(snapshot, input) ? planAll(snapshot, input) : planWalk(snapshot, input);
}

/**
 * Whether a client that has nothing wants every object of every stored pack, as far as that shows without a walk: a clone
 * of a repository at rest names all tips of its packs.
 */
function asksForAll({ packs, graph }: Snapshot, input: PlanInput): boolean {
  const { wants, haves, depth = NO_DEPTH, filter, includeTag, refs } = input;
  if (haves.length + depth.unshallow.length + depth.cut.size > 0 || filter !== undefined || packs.length === 0)
    return false;
  const named = new Set<Oid>(wants.tags);
  for (const commit of wants.commits) named.add(graph.oid(commit));
  if (!packs.every(({ tight, tips }) => tight && tips.every((tip) => named.has(tip)))) return false;
  const tips = new Set(packs.flatMap((pack) => pack.tips));
  const beside = new Set<Oid>([...wants.tags, ...wants.trees, ...wants.blobs]);
  if (includeTag) {
    for (const { oid, peeled } of refs) if (peeled !== undefined) addTagChain(graph, oid, beside);
  }
  return [...beside].every((oid) => tips.has(oid));
}

const NOTHING = new Uint8Array();

function planAll({ packs }: Snapshot, { ofsDelta }: PlanInput): Plan {
  const hashes = packs.map(({ hash }) => hash);
  return {
    wholePacks: hashes,
    ...{ commits: NOTHING, trees: NOTHING, givenTrees: NOTHING, boundaryCommits: NOTHING, boundaryTrees: NOTHING },
    ...{ parentTrees: NOTHING, parentCounts: new Uint16Array(), extra: NOTHING },
    ...{ thin: false, ofsDelta },
    single: packs.length === 1 ? packs[0] : undefined,
    needed: hashes,
  };
}

/** The plan of whatever is wanted, by walking the commits. */
export function planWalk(snapshot: Snapshot, input: PlanInput): Plan {
  const { graph } = snapshot;
  const { filter, depth = NO_DEPTH } = input;
  const known = [...input.haves, ...depth.unshallow];
  // The client has the commits of a border that moves, but nothing behind: the walk begins anew at their parents.
  const behind = depth.unshallow.flatMap((commit) => graph.parents(commit)).filter((parent) => parent >= 0);
  const roots = new Set([...input.wants.commits, ...behind]);
  const included = graph.reachable([...roots], known, { cut: depth.cut });
  const sent = passes(filter, 'commit') ? included : included.filter((commit) => roots.has(commit));
  const extra = new Set<Oid>([...input.wants.tags, ...input.wants.blobs]);
  const member = flags(graph.size, sent);
  if (input.includeTag) {
    for (const ref of input.refs) {
      if (ref.peeled !== undefined && member[graph.indexOf(ref.peeled)] === 1) addTagChain(graph, ref.oid, extra);
    }
  }
  const named = new Set([...extra, ...input.wants.trees]);
  const isByDepth = filter !== undefined && filter.treeDepth > 0 && filter.treeDepth !== Number.POSITIVE_INFINITY;
  // Part of a stored pack is all that a client wants that has something or has a border.
  const isPart = known.length > 0 || depth.cut.size > 0 || (filter !== undefined && input.wants.trees.length > 0);
  const whole = isPart || isByDepth ? [] : closedRun(snapshot, flags(graph.size, included), named);
  // The oldest packs hold the first commits.
  const coveredTo = whole.at(-1)?.commits.to ?? 0;
  const covered = (commit: number) => commit < coveredTo;
  const open = sent.filter((commit) => !covered(commit));
  // What the client names comes whatever the filter says, so the packs do not cover it.
  const commits = passes(filter, 'commit') ? open : sent;
  const walked = passes(filter, 'tree') || passes(filter, 'blob') ? included.filter((commit) => !covered(commit)) : [];
  const wholeTips = new Set(whole.flatMap((pack) => pack.tips));
  const inWhole = (oid: Oid) => wholeTips.has(oid);
  const rest = [...extra].filter((oid) => filter !== undefined || !inWhole(oid));
  const trees = input.wants.trees.filter((oid) => !inWhole(oid));
  // Trees that are wanted by themselves have no parents to be compared with: all that the client has is subtracted. So it
  // is where the depth of an object decides, which may lie deeper elsewhere.
  const parents = trees.length > 0 || isByDepth ? undefined : graph.parentTrees(walked, depth.cut);
  // Where no tree is walked, nobody asks what the client has.
  const boundary = walked.length + trees.length === 0 ? [] : boundaryOf(snapshot, included, input.haves, depth);
  const complete = included.every(covered) && trees.length === 0 && [...extra].every(inWhole);
  const blobsOnly = included.length + trees.length + whole.length === 0 && rest.length === input.wants.blobs.length;
  return {
    wholePacks: whole.map((pack) => pack.hash),
    commits: graph.pack(commits, 'oids'),
    trees: graph.pack(walked, 'trees'),
    givenTrees: packOids(trees),
    boundaryCommits: graph.pack(boundary, 'oids'),
    boundaryTrees: graph.pack(parents === undefined ? boundary : [], 'trees'),
    ...(parents && { parentTrees: parents.trees, parentCounts: parents.counts }),
    extra: packOids(rest),
    // A client with a filter may lack any tree or blob of the commits it has, so none of them can be a base.
    thin: input.thin && boundary.length > 0 && filter === undefined,
    ofsDelta: input.ofsDelta,
    ...(filter === undefined ? {} : { filter }),
    single: complete && whole.length === 1 && filter === undefined ? whole[0] : undefined,
    needed: neededPacks(snapshot, complete ? whole : undefined, blobsOnly ? input.wants.blobPacks : undefined),
  };
}

function flags(size: number, commits: Int32Array): Uint8Array {
  const set = new Uint8Array(size);
  for (const commit of commits) set[commit] = 1;
  return set;
}

function passes(filter: ObjectFilter | undefined, type: 'commit' | 'tree' | 'blob'): boolean {
  if (filter === undefined) return true;
  if (filter.types?.includes(type) === false) return false;
  return type === 'commit' || (filter.treeDepth > 0 && (type === 'tree' || filter.blobLimit > 0));
}

/** A lazy fetch of blobs opens the packs that hold them; whoever walks may need any pack. */
function neededPacks(snapshot: Snapshot, whole: StoredPack[] | undefined, blobPacks: string[] | undefined): string[] {
  return blobPacks ?? (whole ?? snapshot.packs).map((pack) => pack.hash);
}

function addTagChain(graph: CommitGraph, oid: Oid, into: Set<Oid>): void {
  for (let tag = graph.tag(oid), at = oid; tag !== undefined; tag = graph.tag(at)) {
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

/**
 * Commits the client has that border on what is sent, and what it named itself: the bases of a thin pack. Behind a border
 * commit of the client there is nothing that it has.
 */
function boundaryOf(
  snapshot: Snapshot,
  included: Int32Array,
  haves: readonly number[],
  { cut, unshallow }: DepthPlan,
): number[] {
  if (haves.length === 0 && unshallow.length === 0) return [];
  const member = flags(snapshot.graph.size, included);
  const boundary = new Set(haves.filter((commit) => member[commit] === 0).slice(0, MAX_HAVE_BASES));
  for (const commit of unshallow) boundary.add(commit);
  for (const commit of snapshot.graph.boundary(included, cut)) boundary.add(commit);
  return [...boundary];
}

/** Of the commits a client names only so many are used as bases: each costs a walk over its whole tree. */
const MAX_HAVE_BASES = 16;
