import type { z } from 'zod';
import type { ProtectionRule } from '../refs/index.js';
import type { ruleObject } from './schemas.js';

export function ruleView({ createdAt, ...rule }: ProtectionRule): z.output<typeof ruleObject> {
  return { ...rule, createdAt: createdAt.toISOString() };
}

/** A rule in an audit row. */
export function ruleFacts(rule: Omit<ProtectionRule, 'pattern' | 'createdAt'>) {
  return {
    no_force: rule.noForce,
    no_delete: rule.noDelete,
    required_approvals: rule.requiredApprovals,
    required_ci: rule.requiredCi,
    required_push_cert: rule.requiredPushCert,
  };
}
