import { z } from 'zod';
import { text } from '../routing/index.js';
import { ROLES } from './role.js';

const agentId = text.min(1).max(64);

/** Signed body of a grant. The Rust SDK says `agentId` for the target; `targetAgentId` wins when both are there. */
export const grantBody = z
  .object({ targetAgentId: agentId.optional(), agentId: agentId.optional(), role: z.enum(ROLES) })
  .transform(({ targetAgentId, agentId: other, role }, context) => {
    const target = targetAgentId ?? other;
    if (target !== undefined) return { targetAgentId: target, role };
    context.addIssue({ code: 'custom', message: 'is required', path: ['targetAgentId'] });
    return z.NEVER;
  });
