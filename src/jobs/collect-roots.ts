/**
 * What collecting garbage keeps: everything that a ref reaches, also a hidden one, what refs pointed at not long ago (a
 * push that is under way may build on it), and the commits that pull requests and CI runs speak of.
 *
 * Audit entries, push events and certificates name ids too; they prove what was pushed, and need no object for it.
 */
import { locateAll, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type Oid, packOids } from '../git/oid.js';
import type { RootSet } from '../packs/index.js';
import { listRefs } from '../refs/index.js';

export interface Roots {
  /** Of the refs; they may be newer, never older. */
  refsVersion: number;
  /** Values of all refs. */
  refs: Oid[];
  /** What ordinary clones ask for. */
  visible: Oid[];
  hidden: Oid[];
  /** Numbers of the former tips that are old enough not to be roots any more. */
  expired: number[];
}

/** @returns undefined when the repository is gone */
export async function readRoots(ctx: AppContext, repoId: string, afterSecs: number): Promise<Roots | undefined> {
  // One statement, so that every former tip is either a root or expired.
  const [repo] = await ctx.db.sql<{ refs_version: number; expired: number[]; recent: Oid[] }[]>`
    SELECT refs_version,
      (SELECT coalesce(json_agg(id), '[]') FROM former_tips t WHERE t.repo_id = r.repo_id
        AND left_at <= now() - make_interval(secs => ${afterSecs})) AS expired,
      (SELECT coalesce(json_agg(oid), '[]') FROM former_tips t WHERE t.repo_id = r.repo_id
        AND left_at > now() - make_interval(secs => ${afterSecs})) AS recent
    FROM repositories r WHERE repo_id = ${repoId}`;
  if (repo === undefined) return undefined;
  const refs = await listRefs(ctx, repoId, repo.refs_version);
  const isHidden = (name: string) => name.startsWith('refs/pull/');
  const others = await ctx.db.sql<{ oid: string }[]>`
    SELECT head_oid AS oid FROM pull_requests WHERE repo_id = ${repoId} AND head_oid IS NOT NULL
    UNION SELECT merge_commit_oid FROM pull_requests WHERE repo_id = ${repoId} AND merge_commit_oid IS NOT NULL
    UNION SELECT commit_sha FROM ci_runs WHERE repo_id = ${repoId}
    UNION SELECT head_oid FROM ci_runs WHERE repo_id = ${repoId} AND head_oid IS NOT NULL`;
  return {
    refsVersion: repo.refs_version,
    refs: refs.map(({ oid }) => oid),
    visible: refs.filter(({ name }) => !isHidden(name)).map(({ oid }) => oid),
    hidden: [
      ...refs.filter(({ name }) => isHidden(name)).map(({ oid }) => oid),
      ...repo.recent,
      ...others.map(({ oid }) => oid),
    ],
    expired: repo.expired,
  };
}

/** Roots as a walk takes them: first what is visible, then what only hidden roots reach. @throws AppError OBJECT_CORRUPTED */
export async function rootSets(ctx: AppContext, snapshot: Snapshot, roots: Roots): Promise<RootSet[]> {
  const visible = await resolve(ctx, snapshot, roots.visible, true);
  // A record may outlive its commit, for example when a branch was rewritten before it was first collected.
  const hidden = await resolve(ctx, snapshot, roots.hidden, false);
  return [toSet(snapshot, visible, []), toSet(snapshot, hidden, visible.commits)];
}

interface Resolved {
  commits: number[];
  extra: Oid[];
}

async function resolve(ctx: AppContext, snapshot: Snapshot, oids: readonly Oid[], all: boolean): Promise<Resolved> {
  const { graph } = snapshot;
  const commits = new Set<number>();
  const tags = new Set<Oid>();
  const others = new Set<Oid>();
  for (const root of oids) {
    let oid = root;
    for (let tag = graph.tag(oid); tag !== undefined; tag = graph.tag(oid)) {
      tags.add(oid);
      oid = tag.target;
    }
    const commit = graph.indexOf(oid);
    if (commit >= 0) commits.add(commit);
    else others.add(oid);
  }
  const list = [...others];
  const located = await locateAll(ctx, snapshot, packOids(list));
  const present = list.filter((_, i) => located[i] !== undefined);
  if (all && present.length < list.length) {
    const oid = list.find((_, i) => located[i] === undefined);
    throw new AppError('OBJECT_CORRUPTED', { message: `A ref points at ${oid}, which is missing in storage.` });
  }
  return { commits: [...commits], extra: [...tags, ...present] };
}

function toSet({ graph }: Snapshot, { commits, extra }: Resolved, beyond: readonly number[]): RootSet {
  const reached = graph.reachable(commits, beyond);
  return { commits: graph.pack(reached, 'oids'), trees: graph.pack(reached, 'trees'), extra: packOids(extra) };
}
