/** Open pull requests follow their source branches: a head moves in the transaction that moves the branch. */
import type { OutboxTopic } from '../audit/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { type Oid, ZERO_OID } from '../git/oid.js';
import { movePullRefs } from '../refs/index.js';
import { StaleWork } from '../routing/index.js';
import { ciTopics, type FirstCiStatus, firstCiStatus, type ReadTree } from './ci-state.js';
import { lockOpenFrom, setHead, sourcesAmong } from './store.js';

/** A ref and what it points at now; zero = deleted. */
export interface MovedRef {
  refName: string;
  newOid: Oid;
}

/** CI statuses of new heads, by commit. */
export type ExaminedHeads = ReadonlyMap<Oid, FirstCiStatus>;

/** Thrown when a pull request was opened between {@link examineHeads} and {@link followPulls}: examine again. */
export class UnexaminedHead extends StaleWork {
  override readonly name = 'UnexaminedHead';
}

/** Branches among the moved refs from which pull requests are open, for {@link examineHeads}. */
export function openSources(ctx: AppContext, repoId: string, moved: readonly MovedRef[]): Promise<string[]> {
  return sourcesAmong(ctx.db, repoId, [...movedBranches(moved).keys()]);
}

/**
 * Looks, before the transaction, at the new heads that open pull requests will have.
 * @param rootTree of a commit, which need not be visible yet
 * @param sources what {@link openSources} found a moment ago, for these refs or for more; by default it is asked for now
 */
export async function examineHeads(
  ctx: AppContext,
  repoId: string,
  moved: readonly MovedRef[],
  rootTree: (commit: Oid) => Oid | undefined,
  readTree: ReadTree,
  sources?: readonly string[],
): Promise<ExaminedHeads> {
  const heads = movedBranches(moved);
  const examined = new Map<Oid, FirstCiStatus>();
  for (const branch of sources ?? (await openSources(ctx, repoId, moved))) {
    const head = heads.get(branch);
    if (head === undefined || examined.has(head)) continue;
    examined.set(head, await firstCiStatus(rootTree(head), readTree));
  }
  return examined;
}

/**
 * Moves the heads of open pull requests along with their source branches. Call it after updateRefs moved those.
 * A deleted branch leaves its pull requests as they are.
 * @returns topics for the audit event of the move
 * @throws UnexaminedHead
 */
export async function followPulls(
  tx: Tx,
  repoId: string,
  moved: readonly MovedRef[],
  examined: ExaminedHeads,
): Promise<OutboxTopic[]> {
  const heads = movedBranches(moved);
  const followers = (await lockOpenFrom(tx, repoId, [...heads.keys()])).flatMap((pull) => {
    const to = heads.get(pull.sourceBranch);
    return to === undefined || to === pull.headOid ? [] : [{ ...pull, from: pull.headOid ?? undefined, to }];
  });
  const statuses = new Set<FirstCiStatus>();
  for (const to of new Set(followers.map((pull) => pull.to))) {
    const status = examined.get(to);
    if (status === undefined) throw new UnexaminedHead();
    statuses.add(status);
    const prIds = followers.filter((pull) => pull.to === to).map((pull) => pull.prId);
    await setHead(tx, prIds, to, status);
  }
  await movePullRefs(tx, repoId, followers);
  return ciTopics(statuses);
}

function movedBranches(moved: readonly MovedRef[]): Map<string, Oid> {
  const branches = moved.filter(({ refName, newOid }) => refName.startsWith('refs/heads/') && newOid !== ZERO_OID);
  return new Map(branches.map(({ refName, newOid }) => [refName.slice('refs/heads/'.length), newOid]));
}
