/** Takes a nonce inside the transaction that does the work. */
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { badSignature } from './presented.js';
import { replayOf } from './replay.js';
import { refuseSuspended, type StoredResult, type Suspension } from './signer.js';
import type { Proof } from './types.js';

interface ClaimRow extends Suspension {
  claimed: boolean;
  keyActive: boolean;
}

/**
 * Inserts the nonce, unless it is taken, and looks once more at agent and key: both may have changed since the signature
 * was checked. Whoever comes second waits here until the first has committed or rolled back.
 *
 * @param answer stored under the nonce when it is known already; otherwise {@link storeResult} follows
 * @returns undefined when the nonce is ours now, otherwise the result of the one who had it
 * @throws AppError REPLAY_ATTACK when that one did something else; AGENT_NOT_FOUND, SUSPENDED_AGENT, INVALID_SIGNATURE
 */
export async function claimNonce(
  tx: Tx,
  proof: Proof,
  fingerprint: string,
  ttlHours: number,
  answer: { status: number; data: unknown } = { status: 0, data: null },
): Promise<StoredResult | undefined> {
  const { agentId, action, keyId, nonceHash } = proof;
  // An expired row is taken over; DO UPDATE with a false condition still waits for a concurrent owner.
  const [row] = await tx.sql<ClaimRow[]>`
    WITH claim AS (
      INSERT INTO idempotency_results AS r
        (nonce_hash, agent_id, action, status_code, response_json, expires_at, fingerprint)
      VALUES (${nonceHash}, ${agentId}, ${action}, ${answer.status}, ${JSON.stringify(answer.data)}::jsonb,
        now() + make_interval(hours => ${ttlHours}),
        ${fingerprint})
      ON CONFLICT (nonce_hash) DO UPDATE SET agent_id = excluded.agent_id, action = excluded.action,
        status_code = excluded.status_code, response_json = excluded.response_json, created_at = now(), expires_at = excluded.expires_at,
        fingerprint = excluded.fingerprint
      WHERE r.expires_at <= now()
      RETURNING r.nonce_hash)
    SELECT EXISTS (SELECT FROM claim) AS claimed, a.suspended, a.suspended_at AS "suspendedAt",
      a.suspended_reason AS "suspendedReason",
      EXISTS (SELECT FROM agent_keys k WHERE k.key_id = ${keyId} AND k.agent_id = a.agent_id AND k.revoked_at IS NULL)
        AS "keyActive"
    FROM agents a WHERE a.agent_id = ${agentId}`;
  if (row === undefined) throw new AppError('AGENT_NOT_FOUND', { details: { agentId } });
  refuseSuspended(row);
  if (!row.keyActive) throw badSignature('key_revoked');
  return row.claimed ? undefined : replayOf(await readStored(tx, nonceHash), action, fingerprint);
}

/** Stores the answer under a claimed nonce. */
export async function storeResult(tx: Tx, nonceHash: string, status: number, data: unknown): Promise<void> {
  await tx.sql`UPDATE idempotency_results SET status_code = ${status}, response_json = ${JSON.stringify(data ?? null)}::jsonb
    WHERE nonce_hash = ${nonceHash}`;
}

async function readStored(tx: Tx, nonceHash: string): Promise<StoredResult> {
  const [row] = await tx.sql<StoredResult[]>`
    SELECT action, fingerprint, status_code AS status, response_json AS data
    FROM idempotency_results WHERE nonce_hash = ${nonceHash}`;
  // Only the clean-up job deletes rows, and only expired ones: a repeat finds the nonce free.
  if (row === undefined) throw new AppError('CONFLICT', { message: 'The nonce expired just now; try again.' });
  return row;
}
