/** Refs of pull requests, `refs/pull/{number}/head`: written by the server only, and what it must know to write them. */
import type { Queryable, Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { type Oid, ZERO_OID } from '../git/oid.js';
import { holdRepository, lockCreations, lockRefs, selectRefValues } from './store.js';
import { updateRefs } from './update.js';

export function pullRefName(number: number): string {
  return `refs/pull/${number}/head`;
}

/** Current values of the named refs; absent ones are left out. */
export function readRefs(db: Queryable, repoId: string, names: readonly string[]): Promise<Map<string, Oid>> {
  return selectRefValues(db, repoId, names);
}

/**
 * Values of the named refs, which cannot change until the transaction ends; absent refs stay absent.
 * Takes the locks that {@link updateRefs} takes, in its order; call it before anything else that locks.
 * @throws AppError REPO_NOT_FOUND when the repository is gone
 */
export async function holdRefs(tx: Tx, repoId: string, names: readonly string[]): Promise<Map<string, Oid>> {
  if ((await holdRepository(tx, repoId)) === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  await lockCreations(tx, repoId);
  const refs = await lockRefs(tx, repoId, names);
  return new Map([...refs].map(([name, ref]) => [name, ref.oid]));
}

export interface PullRefMove {
  number: number;
  /** Undefined = the ref does not exist yet; creations need {@link holdRefs} or a creating updateRefs before. */
  from: Oid | undefined;
  to: Oid;
}

/** Moves refs of pull requests. @throws Error when one is not where it should be: nothing else writes them */
export async function movePullRefs(tx: Tx, repoId: string, moves: readonly PullRefMove[]): Promise<void> {
  if (moves.length === 0) return;
  const updates = moves.map(({ number, from, to }) => ({
    refName: pullRefName(number),
    oldOid: from ?? ZERO_OID,
    newOid: to,
    peeled: undefined,
  }));
  const { verdicts } = await updateRefs(tx, repoId, updates, {
    atomic: true,
    forced: new Set(),
    by: { kind: 'server' },
  });
  const refused = verdicts.find((verdict) => !verdict.ok);
  if (refused !== undefined) throw new Error(`${refused.refName} of repository ${repoId} is out of step`);
}
