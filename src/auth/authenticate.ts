/** The door for signed JSON calls. */
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { chargeCall, type Quota, settleCharge } from '../limits/index.js';
import type { JsonObject } from '../signing/index.js';
import { allowedActions, checkBinding } from './binding.js';
import { requireEnvelope } from './carriers.js';
import { type EarlyCharge, earlyCharge } from './early-charge.js';
import { badField, type Presented } from './presented.js';
import { replayOf, requestFingerprint } from './replay.js';
import { loadSigner, refuseSuspended, type Signer } from './signer.js';
import type { ActionRule, RawRequest, SignedCall } from './types.js';
import { type Candidate, requireSigned, type Verified } from './verify.js';
import { checkWindow } from './window.js';

/**
 * Checks a signed call: form, agent, signature, suspension, nonce, time, ids, rate limit, in this order. From the last
 * step on the call is counted, whatever becomes of it.
 *
 * The nonce comes before the time, so a retry is answered however late it is; the signature comes before the nonce, so
 * nobody else can read a stored answer.
 *
 * @throws AppError VALIDATION_ERROR, AGENT_NOT_FOUND, INVALID_SIGNATURE, SUSPENDED_AGENT, REPLAY_ATTACK, SIGNATURE_EXPIRED,
 *   RATE_LIMITED
 */
export async function authenticate(ctx: AppContext, request: RawRequest, rule: ActionRule): Promise<SignedCall> {
  const presented = requireEnvelope(request);
  const candidates = acceptable(presented, rule);
  const bind = (body: JsonObject) => {
    // A rebuilt body holds what the path says; one taken as sent may leave it out.
    const asSent = body === (presented.body ?? presented.fields);
    checkBinding(body, rule, asSent && ctx.config.GITCLAW_STRICT_BINDING);
  };
  const early = rule.mutates
    ? earlyCharge(ctx, presented, candidates, (one) => passes(() => bind(one.body)))
    : undefined;
  const signer = await loadSigner(ctx.db, presented.agentId, presented.nonceHash, early);
  const { principal, proof, body } = stillGood(signer, early) ?? requireSigned(signer, presented, candidates);
  refuseSuspended(signer);
  const { action } = proof;
  const fingerprint = requestFingerprint(request.method, request.path, body);
  const call = { principal, action, body, proof, fingerprint };
  if (rule.mutates && signer.stored !== undefined) {
    const { status, data } = replayOf(signer.stored, action, fingerprint);
    return { ...call, replay: { status, data } };
  }
  checkWindow(presented.epochMs, signer.nowMs, ctx.config.SIGNATURE_EXPIRY_SECS);
  bind(body);
  const quota: Quota | undefined =
    early !== undefined && signer.charged !== undefined
      ? settleCharge(early.charge, signer.charged)
      : await chargeCall(ctx, principal.agentId, action, rule.mutates);
  return quota === undefined ? call : { ...call, quota };
}

/** What was verified before the look-up, if the look-up confirms its key: a second check would only cost time. */
function stillGood(signer: Signer, early: EarlyCharge | undefined): Verified | undefined {
  if (early === undefined || !signer.keys.some((key) => key.keyId === early.verified.proof.keyId)) return undefined;
  const { verified } = early;
  return { ...verified, principal: { ...verified.principal, agentName: signer.agentName } };
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** Every envelope content this request may stand for. */
function acceptable(presented: Presented, rule: ActionRule): Candidate[] {
  const actions = allowedActions(presented.action, rule);
  if (presented.body !== undefined) {
    if (presented.action === undefined) throw badField('action', 'is missing');
    return [{ action: presented.action, body: presented.body }];
  }
  const bodies = [rule.flatBody(presented.fields), presented.fields].flat();
  return bodies.flatMap((body) => actions.map((action) => ({ action, body })));
}
