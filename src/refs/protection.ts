/** Branch protection: which rule refuses which change, and what the refused may do instead. */
import type { Queryable } from '../db/index.js';
import { matchesPattern } from './glob.js';

/** One rule; every rule whose pattern fits a branch holds for it. */
export interface ProtectionRule {
  /** Branch name without `refs/heads/`, with `*` and `**` as {@link matchesPattern} reads them. */
  pattern: string;
  noForce: boolean;
  noDelete: boolean;
  /** Above 0 only the merge of a pull request with so many approvals may move the branch. */
  requiredApprovals: number;
  /** Only the merge of a pull request whose CI passed may move the branch. */
  requiredCi: boolean;
  /** A push needs a certificate (`git push --signed`). */
  requiredPushCert: boolean;
  createdAt: Date;
}

/** Who moves refs. */
export type Mover =
  /** `certified`: the push brought a verified push certificate. */
  | { kind: 'push'; certified: boolean }
  | { kind: 'merge'; approvals: number; ciPassed: boolean }
  /** The server for itself, such as refs of pull requests; nothing is asked of it. */
  | { kind: 'server' };

export interface RefChange {
  refName: string;
  change: 'create' | 'update' | 'delete';
  /** True for an update that is not a fast-forward. */
  forced: boolean;
}

/** Rules of a repository in the order of their patterns. */
export async function selectRules(db: Queryable, repoId: string): Promise<ProtectionRule[]> {
  const rows = await db.sql<ProtectionRule[]>`
    SELECT pattern, no_force AS "noForce", no_delete AS "noDelete", required_approvals AS "requiredApprovals",
      required_ci AS "requiredCi", required_push_cert AS "requiredPushCert", created_at AS "createdAt"
    FROM branch_protections WHERE repo_id = ${repoId} ORDER BY pattern COLLATE "C"`;
  return [...rows];
}

/** The branch name of a ref, undefined for refs that are no branches. */
export function branchOf(refName: string): string | undefined {
  return refName.startsWith('refs/heads/') ? refName.slice('refs/heads/'.length) : undefined;
}

/** The first rule that forbids the change, in words that git shows its user; undefined when none does. */
export function refusal(
  rules: readonly ProtectionRule[],
  change: RefChange,
  by: Mover,
): { rule: string; reason: string } | undefined {
  const branch = branchOf(change.refName);
  if (branch === undefined) return undefined;
  for (const rule of rules) {
    if (!matchesPattern(rule.pattern, branch)) continue;
    const why =
      by.kind === 'push' ? refusePush(rule, change, by) : by.kind === 'merge' ? refuseMerge(rule, by) : undefined;
    if (why !== undefined) return { rule: rule.pattern, reason: `protected branch: ${why} (rule '${rule.pattern}')` };
  }
  return undefined;
}

/**
 * A branch that only merges may move can be created by a push, since a pull request needs a target, but not deleted:
 * deleting and creating it anew would move it.
 */
function refusePush(
  rule: ProtectionRule,
  { change, forced }: RefChange,
  by: { certified: boolean },
): string | undefined {
  const mergesOnly = rule.requiredApprovals > 0 || rule.requiredCi;
  if (change === 'delete' && (rule.noDelete || mergesOnly))
    return 'it cannot be deleted; ask an admin to lift the rule';
  if (change === 'update' && mergesOnly) {
    const needs = [
      ...(rule.requiredApprovals > 0 ? [approvals(rule.requiredApprovals)] : []),
      ...(rule.requiredCi ? ['passing CI'] : []),
    ];
    return `push another branch and open a pull request, which needs ${needs.join(' and ')}`;
  }
  if (forced && rule.noForce) return 'force pushes are refused; fetch, merge or rebase, and push again';
  if (rule.requiredPushCert && !by.certified) return 'pushes must be signed; use git push --signed';
  return undefined;
}

function refuseMerge(rule: ProtectionRule, by: { approvals: number; ciPassed: boolean }): string | undefined {
  if (by.approvals < rule.requiredApprovals) {
    return `the pull request has ${by.approvals} of ${approvals(rule.requiredApprovals)}; ask for a review`;
  }
  if (rule.requiredCi && !by.ciPassed) return 'CI of the pull request must pass before it is merged';
  return undefined;
}

function approvals(count: number): string {
  return count === 1 ? '1 approval' : `${count} approvals`;
}
