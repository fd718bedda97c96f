/**
 * Counting a call in the round trip that looks its signer up.
 *
 * Only a proved call may be counted, or anybody could use up another agent's quota. The signature is therefore checked
 * against the keys this node saw last, and the database counts the call only if that key is still good and everything
 * else is so that {@link authenticate} will accept it. Whoever is unknown to the node costs a second round trip, once.
 */
import { chargeFor, type LimitsContext } from '../limits/index.js';
import type { Presented } from './presented.js';
import { type ConditionalCharge, keysLastSeen } from './signer.js';
import { type Candidate, findSigned, type Verified } from './verify.js';
import { FUTURE_TOLERANCE_SECS } from './window.js';

export interface EarlyCharge extends ConditionalCharge {
  /** What the signature covers, if the key that it was checked with is still active. */
  verified: Verified;
}

/**
 * A charge to send along with the look-up of the signer; undefined when it has to wait until the signer is known.
 * @param isBound whether the body agrees with the address
 */
export function earlyCharge(
  { config }: Pick<LimitsContext, 'config'>,
  presented: Presented,
  candidates: Candidate[],
  isBound: (verified: Verified) => boolean,
): EarlyCharge | undefined {
  const { agentId, nonceHash, epochMs } = presented;
  const verified = findSigned({ agentName: '', keys: keysLastSeen(agentId) }, presented, candidates);
  if (verified === undefined || !isBound(verified)) return undefined;
  const charge = chargeFor(config, agentId, verified.proof.action);
  if (charge === undefined) return undefined;
  return {
    verified,
    charge,
    condition: (sql) => sql`
      EXISTS (
        SELECT FROM agents a JOIN agent_keys k ON k.agent_id = a.agent_id
        WHERE a.agent_id = ${agentId} AND NOT a.suspended AND k.key_id = ${verified.proof.keyId}
          AND k.revoked_at IS NULL)
      AND NOT EXISTS (
        SELECT FROM idempotency_results r WHERE r.nonce_hash = ${nonceHash} AND r.expires_at > now())
      AND extract(epoch FROM now()) * 1000 - ${epochMs}::float8
        BETWEEN ${-FUTURE_TOLERANCE_SECS * 1000}::int AND ${config.SIGNATURE_EXPIRY_SECS * 1000}::int`,
  };
}
