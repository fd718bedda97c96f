/** Clients that say which refs may be rewritten are held to it. */
import type { AppContext } from '../context.js';
import type { RefCommand } from '../git/index.js';
import { listRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import type { Refusal } from './report.js';

/**
 * Refusals of rewrites that were not asked for. A stale old value is said first, as its cure may be a fast-forward.
 * @param forced names of the updates that are not fast-forwards
 * @param mayForce names that may be rewritten; undefined = all
 */
export async function refuseRewrites(
  ctx: AppContext,
  repo: Repository,
  commands: readonly RefCommand[],
  forced: ReadonlySet<string>,
  mayForce: ReadonlySet<string> | undefined,
): Promise<Map<string, Refusal>> {
  const rewrites = commands.filter(({ refName }) => forced.has(refName) && mayForce?.has(refName) === false);
  if (rewrites.length === 0) return new Map();
  const current = new Map((await listRefs(ctx, repo.repoId, repo.refsVersion)).map((ref) => [ref.name, ref.oid]));
  return new Map(
    rewrites.map(({ refName, oldOid }): [string, Refusal] => {
      const oid = current.get(refName);
      if (oid === undefined) return [refName, { reason: 'the ref does not exist', code: 'REF_NOT_FOUND' }];
      if (oid !== oldOid) return [refName, { reason: `the ref is at ${oid.slice(0, 12)}`, code: 'CONFLICT' }];
      return [refName, { reason: 'non-fast-forward', code: 'NON_FAST_FORWARD' }];
    }),
  );
}
