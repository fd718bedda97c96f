/** Idempotency: one nonce, one effect. */
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { deleteCharge } from '../limits/index.js';
import { claimNonce, storeResult } from './claim-nonce.js';
import type { SignedCall } from './types.js';

export interface OnceResult<T> {
  status: number;
  data: T;
  /** True when the answer is a stored one and nothing was done. */
  replayed: boolean;
}

/**
 * Runs the work of a mutating call in one transaction together with its nonce, and stores the answer.
 *
 * Of any number of concurrent duplicates one does the work and the others get its answer. When the work throws, all is
 * rolled back and the nonce stays free.
 *
 * @param work must answer with a 2xx status and throw for anything else; use only the `tx` it is given
 * @throws AppError REPLAY_ATTACK, SUSPENDED_AGENT, INVALID_SIGNATURE, and whatever `work` throws
 */
export async function runOnce<T>(
  ctx: AppContext,
  call: SignedCall,
  work: (tx: Tx) => Promise<{ status: number; data: T }>,
): Promise<OnceResult<T>> {
  if (call.replay !== undefined) return { ...(call.replay as { status: number; data: T }), replayed: true };
  return ctx.db.transaction(async (tx) => {
    const stored = await claimNonce(tx, call.proof, call.fingerprint, ctx.config.IDEMPOTENCY_TTL_HOURS);
    if (stored !== undefined) {
      // Both duplicates were counted, because neither could see the other yet; repeats are free.
      if (call.quota !== undefined) await deleteCharge(tx, call.quota);
      return { status: stored.status, data: stored.data as T, replayed: true };
    }
    const { status, data } = await work(tx);
    await storeResult(tx, call.proof.nonceHash, status, data);
    return { status, data, replayed: false };
  });
}
