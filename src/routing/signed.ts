/** Handlers of signed routes: authenticate, answer a repeat from the store, otherwise do the work once. */
import type { ActionRule, SignedCall } from '../auth/index.js';
import { authenticate, runOnce } from '../auth/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { settled } from './answer.js';
import { type AppContextOf, noteAgent } from './env.js';
import { noteQuota } from './quota.js';
import { readRequest } from './request.js';

export interface WorkResult {
  status: number;
  data: unknown;
}

type Work = (tx: Tx) => Promise<WorkResult>;

/** Thrown by work that finds, under its locks, that what it prepared no longer fits: it is prepared once more. */
export class StaleWork extends AppError {
  constructor() {
    super('CONFLICT', { message: 'The state changed while the request was handled; try again.' });
  }
}

/** How often work is prepared anew before the client is told of the conflict. */
const MAX_PREPARATIONS = 4;

/**
 * Answers a signed write.
 * @param prepare checks the signed body, computes what takes long or touches the object store, and returns the work; the
 * work runs in the transaction that also stores its result under the nonce. It is not called for a repeat.
 * @throws AppError what `prepare` and the work throw; CONFLICT when the work is stale again and again
 */
export async function signedWrite(
  c: AppContextOf,
  ctx: AppContext,
  rule: Omit<ActionRule, 'mutates'>,
  prepare: (call: SignedCall) => Work | Promise<Work>,
): Promise<Response> {
  const call = await authenticate(ctx, await readRequest(c), { ...rule, mutates: true });
  noteAgent(c, call.principal.agentId);
  noteQuota(c, call.quota);
  if (call.replay) return settled(c, { ...call.replay, replayed: true });
  for (let preparations = 1; ; preparations++) {
    try {
      return settled(c, await runOnce(ctx, call, await prepare(call)));
    } catch (error) {
      if (!(error instanceof StaleWork) || preparations === MAX_PREPARATIONS) throw error;
    }
  }
}

/** Authenticates a signed read; nonces of reads are not used up. */
export async function signedRead(
  c: AppContextOf,
  ctx: AppContext,
  rule: Omit<ActionRule, 'mutates'>,
): Promise<SignedCall> {
  const call = await authenticate(ctx, await readRequest(c), { ...rule, mutates: false });
  noteAgent(c, call.principal.agentId);
  noteQuota(c, call.quota);
  return call;
}

/** The columns that tie an audit row to the signature that caused it. */
export function auditProof(call: SignedCall): { agentId: string; signature: string; keyId: string; envelope: string } {
  const { signature, keyId, canonical } = call.proof;
  return { agentId: call.principal.agentId, signature, keyId, envelope: canonical };
}
