/** What the `ref` of a request means: a branch, a tag, a full ref name, or the id of a commit. */
import { loadSnapshot, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type CommitGraph, OID_BYTES } from '../git/index.js';
import { listRefs, type Ref } from '../refs/index.js';
import type { Repository } from '../repos/index.js';

/** Git does not take shorter abbreviations either (core.abbrev). */
const SHORT_ID = /^[0-9a-f]{4,40}$/;

export interface Revision {
  /** As asked; the name of the default branch when nothing was. */
  ref: string;
  snapshot: Snapshot;
  /** Position in the snapshot's graph; undefined for the default branch of a repository without it. */
  commit: number | undefined;
}

/**
 * Finds the commit. Of equal names a branch wins over a tag and both over an id. An id counts only when some ref reaches
 * the commit, as with fetches: what a deleted branch left behind is not shown.
 * @param asked undefined or empty for the default branch
 * @throws AppError REF_NOT_FOUND with details `{ref}`
 */
export async function resolveRevision(ctx: AppContext, repo: Repository, asked: string | undefined): Promise<Revision> {
  const refs = await listRefs(ctx, repo.repoId, repo.refsVersion);
  const snapshot = await loadSnapshot(ctx, repo.repoId);
  const ref = asked || repo.defaultBranch;
  const name = ref === 'HEAD' ? `refs/heads/${repo.defaultBranch}` : ref;
  const named = findNamed(refs, name);
  if (named !== undefined) {
    const commit = snapshot.graph.indexOf(named.peeled ?? named.oid);
    if (commit >= 0) return { ref, snapshot, commit };
    throw notFound(ref, 'The ref names no commit.');
  }
  const commit = findById(snapshot, refs, ref);
  if (commit !== undefined) return { ref, snapshot, commit };
  const isDefault = [repo.defaultBranch, `refs/heads/${repo.defaultBranch}`].includes(name);
  if (isDefault) return { ref, snapshot, commit: undefined };
  throw notFound(ref);
}

function findNamed(refs: readonly Ref[], name: string): Ref | undefined {
  const full = name.startsWith('refs/') ? [name] : [];
  for (const each of [...full, `refs/heads/${name}`, `refs/tags/${name}`]) {
    const found = refs.find((ref) => ref.name === each);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The reachable commit of a full or abbreviated id; also the id of an annotated tag that a ref holds. */
function findById(snapshot: Snapshot, refs: readonly Ref[], asked: string): number | undefined {
  const id = asked.toLowerCase();
  if (!SHORT_ID.test(id)) return undefined;
  const { graph } = snapshot;
  const tag = refs.find((ref) => ref.oid === id && ref.peeled !== undefined);
  if (tag?.peeled !== undefined && graph.has(tag.peeled)) return graph.indexOf(tag.peeled);
  const tips = refs.map((ref) => graph.indexOf(ref.peeled ?? ref.oid)).filter((commit) => commit >= 0);
  const reachable = graph.reachable(tips, []);
  const matches = id.length === OID_BYTES * 2 ? [graph.indexOf(id)] : startingWith(graph, reachable, id);
  const found = matches.filter((commit) => isAmong(reachable, commit));
  if (found.length > 1) throw notFound(asked, 'The abbreviated commit id is ambiguous.');
  return found[0];
}

/** At most two commits whose ids begin with `prefix`: one is an answer, two are too many. */
function startingWith(graph: CommitGraph, commits: Int32Array, prefix: string): number[] {
  const oids = graph.pack(commits, 'oids');
  const [first, second] = Buffer.from(prefix.slice(0, 4), 'hex');
  const found: number[] = [];
  for (let i = 0; i < commits.length && found.length < 2; i++) {
    const at = i * OID_BYTES;
    if (oids[at] !== first || oids[at + 1] !== second) continue;
    if (oids.toString('hex', at, at + OID_BYTES).startsWith(prefix)) found.push(commits[i]!);
  }
  return found;
}

/** Whether an ascending list holds the value. */
function isAmong(ascending: Int32Array, value: number): boolean {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return ascending[low] === value;
}

function notFound(ref: string, message?: string): AppError {
  return new AppError('REF_NOT_FOUND', { details: { ref: ref.slice(0, 255) }, ...(message && { message }) });
}
