/**
 * Refs of a repository whose rows are lost. The audit log outlives repositories, and every push and merge says in it
 * what it moved, so replaying it gives the refs as they were. Where the log is lost too, every line of history that
 * nobody else names gets a branch of its own, so that nothing is out of reach.
 */
import { readChain } from '../audit/index.js';
import type { Queryable } from '../db/index.js';
import type { CommitGraph } from '../git/index.js';
import { isOid, type Oid, ZERO_OID } from '../git/oid.js';
import { isPushableRef } from '../git/refname.js';
import type { RefUpdate } from '../refs/index.js';

/** What the audit log knows of the pushes to a repository. */
export interface PushHistory {
  /** Refs after the last event, in full names; undefined when there is no event. */
  refs: Map<string, Oid> | undefined;
  /** New values of the refs that came with a pack, by its hash. */
  tips: Map<string, Oid[]>;
}

const BATCH = 1000;

/** Replays the repository's chain of audit events. */
export async function readPushHistory(db: Queryable, repoId: string): Promise<PushHistory> {
  const refs = new Map<string, Oid>();
  const tips = new Map<string, Oid[]>();
  let found = false;
  for (let after = 0; ; ) {
    const rows = await readChain(db, repoId, after, BATCH);
    for (const { action, data } of rows) {
      if (action === 'push') {
        found = true;
        const updates = updatesOf(data);
        for (const { refName, newOid } of updates) move(refs, refName, newOid);
        const hash = (data.storage as { pack_hash?: unknown } | undefined)?.pack_hash;
        if (typeof hash === 'string') {
          const news = updates.map(({ newOid }) => newOid).filter((oid) => oid !== ZERO_OID);
          tips.set(hash, [...(tips.get(hash) ?? []), ...news]);
        }
      } else if (action === 'pr_merge') {
        const { target_branch: branch, merge_commit_oid: oid } = data;
        if (typeof branch === 'string' && typeof oid === 'string') move(refs, `refs/heads/${branch}`, oid);
      } else if (action === 'admin_reconnect_repo') {
        // An earlier recovery: the refs went on from what it made.
        found = true;
        refs.clear();
        for (const { refName, newOid } of updatesOf(data)) move(refs, refName, newOid);
      }
    }
    const last = rows.at(-1);
    if (last === undefined) return { refs: found ? refs : undefined, tips };
    after = last.seq;
  }
}

/**
 * The refs to create.
 * @param refs as the audit log has them; undefined = make branches for `heads`
 * @param heads commits and tags that nothing else names
 * @param has whether an object is stored; a ref to one that is lost is left out
 */
export async function refsToCreate(
  graph: CommitGraph,
  refs: ReadonlyMap<string, Oid> | undefined,
  heads: readonly Oid[],
  has: (oid: Oid) => Promise<boolean>,
): Promise<RefUpdate[]> {
  const wanted = refs ?? recoveredNames(graph, heads);
  const created: RefUpdate[] = [];
  for (const [refName, newOid] of wanted) {
    if (!(graph.has(newOid) || graph.tag(newOid) !== undefined || (await has(newOid)))) continue;
    const peeled = graph.tag(newOid) === undefined ? undefined : graph.peel(newOid).oid;
    created.push({ refName, oldOid: ZERO_OID, newOid, peeled });
  }
  return created;
}

/** `refs/heads/recovered/1` is the newest line of history; tags without a name get `refs/tags/recovered/1` and so on. */
function recoveredNames(graph: CommitGraph, heads: readonly Oid[]): Map<string, Oid> {
  const time = (oid: Oid) => graph.time(graph.indexOf(oid));
  const commits = heads.filter((oid) => graph.has(oid)).sort((a, b) => time(b) - time(a) || (a < b ? -1 : 1));
  const tags = heads.filter((oid) => graph.tag(oid) !== undefined).sort();
  const pointed = tags.map((oid) => graph.peel(oid).oid).filter((oid) => graph.has(oid));
  // A line of history that only a tag leads to is to be found by a plain clone too.
  const branches = [...commits, ...pointed.filter((oid) => !isCovered(graph, oid, commits))];
  return new Map([
    ...[...new Set(branches)].map((oid, i): [string, Oid] => [`refs/heads/recovered/${i + 1}`, oid]),
    ...tags.map((oid, i): [string, Oid] => [`refs/tags/recovered/${i + 1}`, oid]),
  ]);
}

function isCovered(graph: CommitGraph, oid: Oid, commits: readonly Oid[]): boolean {
  return commits.some((head) => graph.isAncestor(graph.indexOf(oid), graph.indexOf(head)));
}

function move(refs: Map<string, Oid>, refName: string, oid: Oid): void {
  if (oid === ZERO_OID) refs.delete(refName);
  else refs.set(refName, oid);
}

function updatesOf(data: Record<string, unknown>): { refName: string; newOid: Oid }[] {
  const updates = Array.isArray(data.ref_updates)
    ? (data.ref_updates as { refName?: unknown; newOid?: unknown }[])
    : [];
  return updates.flatMap(({ refName, newOid }) =>
    typeof refName === 'string' && typeof newOid === 'string' && isPushableRef(refName) && isOid(newOid)
      ? [{ refName, newOid }]
      : [],
  );
}
