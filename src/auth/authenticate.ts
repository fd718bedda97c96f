/** The door for signed JSON calls. */
import type { AppContext } from '../context.js';
import { allowedActions, checkBinding } from './binding.js';
import { requireEnvelope } from './carriers.js';
import { badField, type Presented } from './presented.js';
import { replayOf, requestFingerprint } from './replay.js';
import { loadSigner, refuseSuspended } from './signer.js';
import type { ActionRule, RawRequest, SignedCall } from './types.js';
import { type Candidate, requireSigned } from './verify.js';
import { checkWindow } from './window.js';

/**
 * Checks a signed call: form, agent, signature, suspension, nonce, time, ids, in this order.
 *
 * The nonce comes before the time, so a retry is answered however late it is; the signature comes before the nonce, so
 * nobody else can read a stored answer.
 *
 * @throws AppError VALIDATION_ERROR, AGENT_NOT_FOUND, INVALID_SIGNATURE, SUSPENDED_AGENT, REPLAY_ATTACK, SIGNATURE_EXPIRED
 */
export async function authenticate(ctx: AppContext, request: RawRequest, rule: ActionRule): Promise<SignedCall> {
  const presented = requireEnvelope(request);
  const candidates = acceptable(presented, rule);
  const signer = await loadSigner(ctx.db, presented.agentId, presented.nonceHash);
  const { principal, proof, body } = requireSigned(signer, presented, candidates);
  refuseSuspended(signer);
  const { action } = proof;
  const fingerprint = requestFingerprint(request.method, request.path, body);
  const call = { principal, action, body, proof, fingerprint };
  if (rule.mutates && signer.stored !== undefined) {
    const { status, data } = replayOf(signer.stored, action, fingerprint);
    return { ...call, replay: { status, data } };
  }
  checkWindow(presented.epochMs, signer.nowMs, ctx.config.SIGNATURE_EXPIRY_SECS);
  // A rebuilt body holds what the path says; one taken as sent may leave it out.
  const asSent = body === (presented.body ?? presented.fields);
  checkBinding(body, rule, asSent && ctx.config.GITCLAW_STRICT_BINDING);
  return call;
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
