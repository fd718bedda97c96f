import { randomUUID } from 'node:crypto';
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import { isUniqueViolation } from '../db/index.js';
import { AppError } from '../errors.js';
import { parsePublicKey } from '../signing/index.js';
import type { RegisterInput } from './schemas.js';
import { insertAgent } from './store.js';

/** What the audit row of a registration has in place of a signature: there is no key to check one with yet. */
const UNSIGNED = 'unsigned_registration';

export interface Registered {
  agentId: string;
  agentName: string;
  createdAt: string;
}

/**
 * Creates an agent with its first key and a neutral reputation, in one transaction with the audit row.
 * @throws AppError INVALID_AGENT_NAME, INVALID_PUBLIC_KEY, AGENT_NAME_EXISTS
 */
export async function registerAgent(ctx: AppContext, input: RegisterInput): Promise<Registered> {
  const { agentName, publicKey, capabilities } = input;
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(agentName)) {
    throw new AppError('INVALID_AGENT_NAME', { details: { agentName: agentName.slice(0, 64) } });
  }
  const { type, fingerprint } = parsePublicKey(publicKey);
  const agentId = randomUUID();
  const key = { keyId: randomUUID(), type, fingerprint };
  const createdAt = await ctx.db.transaction(async (tx) => {
    const created = await insertAgent(tx, { agentId, agentName, publicKey, capabilities, key }).catch((error) => {
      if (!isUniqueViolation(error, 'agents_agent_name_key')) throw error;
      throw new AppError('AGENT_NAME_EXISTS', { details: { agentName }, cause: error });
    });
    await appendAudit(tx, {
      agentId,
      action: 'agent_register',
      resourceType: 'agent',
      resourceId: agentId,
      data: { agent_name: agentName, capabilities },
      signature: UNSIGNED,
    });
    return created;
  });
  return { agentId, agentName, createdAt: createdAt.toISOString() };
}
