/** SQL of the protection room; the rules are read by the refs room, which enforces them. */
import type { Tx } from '../db/index.js';
import type { ProtectionRule } from '../refs/index.js';
import type { RuleInput } from './schemas.js';

/** Sets a rule; the time of its creation stays. */
export async function upsertRule(tx: Tx, repoId: string, pattern: string, rule: RuleInput): Promise<Date> {
  const [row] = await tx.sql<[{ created_at: Date }]>`
    INSERT INTO branch_protections
      (repo_id, pattern, no_force, no_delete, required_approvals, required_ci, required_push_cert)
    VALUES (${repoId}, ${pattern}, ${rule.noForce}, ${rule.noDelete}, ${rule.requiredApprovals}, ${rule.requiredCi},
      ${rule.requiredPushCert})
    ON CONFLICT (repo_id, pattern) DO UPDATE SET no_force = excluded.no_force, no_delete = excluded.no_delete,
      required_approvals = excluded.required_approvals, required_ci = excluded.required_ci,
      required_push_cert = excluded.required_push_cert
    RETURNING created_at`;
  return row.created_at;
}

export async function deleteRule(tx: Tx, repoId: string, { pattern }: Pick<ProtectionRule, 'pattern'>): Promise<void> {
  await tx.sql`DELETE FROM branch_protections WHERE repo_id = ${repoId} AND pattern = ${pattern}`;
}
