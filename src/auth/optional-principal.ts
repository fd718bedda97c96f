/** Reads that need no signature, but show more to whoever brings one. */
import type { AppContext } from '../context.js';
import { findEnvelope, twoProofs } from './carriers.js';
import { findGitCarrier } from './git-carriers.js';
import { findGitAuth } from './git-headers.js';
import { repoSpellings } from './git-target.js';
import { verifyToken } from './git-token.js';
import { badSignature, type Presented } from './presented.js';
import { loadSigner, refuseSuspended } from './signer.js';
import type { Principal, RawRequest, RepoNames } from './types.js';
import { type Candidate, findSigned } from './verify.js';
import { checkWindow } from './window.js';

/** Actions of envelopes that read; any of them opens any read of the repository it names. */
export const READ_ACTIONS = ['repo_read', 'repo_get', 'repo_list', 'access_list'] as const;

/**
 * The agent behind a read, undefined when the request carries no proof. Accepted: an envelope (headers, query or body)
 * whose action is one of {@link READ_ACTIONS} with the body `{repoId}` or `{}`, and the credentials of git requests.
 *
 * @param repo the repository that is read, if it is one
 * @throws AppError when a proof is present but not good: VALIDATION_ERROR, INVALID_SIGNATURE, AGENT_NOT_FOUND,
 *   SUSPENDED_AGENT, SIGNATURE_EXPIRED
 */
export async function optionalPrincipal(
  ctx: AppContext,
  request: RawRequest,
  repo?: RepoNames,
): Promise<Principal | undefined> {
  const carrier = findGitCarrier(request.headers, 'ignore');
  const presented = findEnvelope(request);
  if (carrier.kind === 'token') {
    if (presented !== undefined) throw twoProofs();
    return (await verifyToken(ctx, carrier.token, repo)).principal;
  }
  return presented && verifyRead(ctx, presented, repo ?? {});
}

async function verifyRead(ctx: AppContext, presented: Presented, repo: RepoNames): Promise<Principal> {
  const signer = await loadSigner(ctx.db, presented.agentId, presented.nonceHash);
  const verified =
    findSigned(signer, presented, readCandidates(presented, repo, ctx.config.GITCLAW_STRICT_BINDING)) ??
    (presented.body === undefined ? findGitAuth(signer, presented, repo) : undefined);
  if (verified === undefined) throw badSignature('signature_mismatch');
  refuseSuspended(signer);
  checkWindow(presented.epochMs, signer.nowMs, ctx.config.SIGNATURE_EXPIRY_SECS);
  return verified.principal;
}

function readCandidates({ action, body, fields }: Presented, repo: RepoNames, strict: boolean): Candidate[] {
  const actions = READ_ACTIONS.filter((each) => action === undefined || each === action);
  const named = repoSpellings(repo);
  const isBound = (repoId: unknown) =>
    repoId === undefined ? !strict : named.length === 0 || named.includes(String(repoId));
  const bodies = body === undefined ? [...named.map((repoId) => ({ repoId })), {}, fields] : [body];
  return bodies
    .filter((each) => isBound('repoId' in each ? each.repoId : undefined))
    .flatMap((each) => actions.map((name) => ({ action: name, body: each })));
}
