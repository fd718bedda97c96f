/** The door for pushes that come as JSON: the signature covers the hash of the pack and the ref updates. */
import type { AppContext } from '../context.js';
import { canonicalize, type JsonObject } from '../signing/index.js';
import { allowedActions, checkBinding } from './binding.js';
import { requireEnvelope } from './carriers.js';
import type { Presented } from './presented.js';
import { requestFingerprint } from './replay.js';
import { loadSigner, refuseSuspended } from './signer.js';
import type { GitProof, Principal, PushBody, RawRequest } from './types.js';
import { type Candidate, requireSigned } from './verify.js';
import { expired, windowProblem } from './window.js';

/** Servers, documents and helpers of the field disagree about the name. */
const PUSH_ACTIONS = ['push', 'git-receive-pack', 'git_push'];

export interface SignedPush {
  principal: Principal;
  proof: GitProof;
  /** Lowercase hex SHA-256 over method, path and canonical body. */
  fingerprint: string;
}

/**
 * Checks a push: form, agent, signature, suspension, time, ids, in this order. Whether its nonce was used is seen where the
 * stored report is looked up; when it was, the time does not matter.
 *
 * @param request with the JSON as its body; the pack may be left out
 * @param push what was received; a signature may leave out the repository and may prefix the hash with `sha256:`
 * @param uploadMs how long the body took to arrive: the time that counts is that of the request's start
 * @throws AppError VALIDATION_ERROR, AGENT_NOT_FOUND, INVALID_SIGNATURE, SUSPENDED_AGENT, SIGNATURE_EXPIRED
 */
export async function authenticatePush(
  ctx: AppContext,
  request: RawRequest,
  push: PushBody,
  uploadMs: number,
): Promise<SignedPush> {
  const presented = requireEnvelope(request);
  const { SIGNATURE_EXPIRY_SECS, GITCLAW_STRICT_BINDING, IDEMPOTENCY_TTL_HOURS } = ctx.config;
  const actions = allowedActions(presented.action, { actions: PUSH_ACTIONS });
  const bodies = pushBodies(presented, push, GITCLAW_STRICT_BINDING);
  const candidates = actions.flatMap((action) => bodies.map((body): Candidate => ({ action, body })));
  const signer = await loadSigner(ctx.db, presented.agentId, presented.nonceHash);
  const { principal, proof, body } = requireSigned(signer, presented, candidates);
  refuseSuspended(signer);
  const problem = windowProblem(presented.epochMs, signer.nowMs - uploadMs, SIGNATURE_EXPIRY_SECS);
  if (problem !== undefined && signer.stored === undefined) throw expired(problem, signer.nowMs, presented.epochMs);
  checkBinding(body, { ids: { repoId: push.repoId } }, GITCLAW_STRICT_BINDING);
  return {
    principal,
    proof: { ...proof, ttlHours: IDEMPOTENCY_TTL_HOURS, replayOnly: problem !== undefined },
    fingerprint: requestFingerprint(request.method, request.path, body),
  };
}

/** Every body that says this push: with and without the repository, either spelling of the hash, and the one sent. */
function pushBodies({ body: sent }: Presented, push: PushBody, strict: boolean): JsonObject[] {
  const { repoId, packfileHash } = push;
  const refUpdates = push.refUpdates.map(({ refName, oldOid, newOid, force }) => ({ refName, oldOid, newOid, force }));
  const hashes = [packfileHash, `sha256:${packfileHash}`];
  const rebuilt = hashes.flatMap((hash): JsonObject[] => {
    const body = { packfileHash: hash, refUpdates };
    return strict ? [{ repoId, ...body }] : [body, { repoId, ...body }];
  });
  const isThisPush = hashes.some((hash) => hash === sent?.packfileHash) && says(sent?.refUpdates, push.refUpdates);
  return sent !== undefined && isThisPush ? [...rebuilt, sent] : rebuilt;
}

/** Whether a signed list is these updates; an absent `force` is false. */
function says(signed: unknown, updates: PushBody['refUpdates']): boolean {
  if (!Array.isArray(signed) || signed.length !== updates.length) return false;
  return updates.every((update, i) => {
    const { force, ...rest } = update;
    const each: unknown = signed[i];
    if (typeof each !== 'object' || each === null) return false;
    const { force: signedForce = false, ...signedRest } = each as JsonObject;
    return signedForce === force && canonicalize(signedRest) === canonicalize(rest);
  });
}
