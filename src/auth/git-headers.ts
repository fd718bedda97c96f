/** The four headers on a git request: either a `git_auth` envelope, or a signature over the push itself. */
import type { AppContext } from '../context.js';
import { together } from '../parallel.js';
import { TOKEN_ACTION } from '../signing/index.js';
import { repoSpellings } from './git-target.js';
import { badSignature, type Presented } from './presented.js';
import { loadSigner, refuseSuspended, type Signer } from './signer.js';
import type { GitCredential, GitProof, GitService, GitTarget, PushBody, RepoNames } from './types.js';
import { type Candidate, findSigned, requireSigned, type Verified } from './verify.js';
import { checkWindow, expired, windowProblem } from './window.js';

/** The envelope action of a signature over a push. */
const PUSH_ACTION = 'git-receive-pack';

/**
 * Verifies four headers.
 *
 * @throws AppError INVALID_SIGNATURE, AGENT_NOT_FOUND, SUSPENDED_AGENT, SIGNATURE_EXPIRED
 */
export async function verifyHeaders(
  ctx: AppContext,
  presented: Presented,
  asked: GitTarget | Promise<GitTarget>,
): Promise<GitCredential> {
  const [signer, target] = await together(loadSigner(ctx.db.brief, presented.agentId, presented.nonceHash), asked);
  const found = presented.action === PUSH_ACTION ? undefined : findGitAuth(signer, presented, target);
  if (found !== undefined) return asToken(ctx, presented, signer, found);
  const mayDefer = target.isReceivePost && (presented.action ?? PUSH_ACTION) === PUSH_ACTION;
  if (!mayDefer) throw badSignature('signature_mismatch');
  return defer(ctx, presented, signer, target);
}

/** The `git_auth` envelope that the headers sign, if they sign one for this repository. */
export function findGitAuth(signer: Signer, presented: Presented, repo: RepoNames): Verified | undefined {
  if ((presented.action ?? TOKEN_ACTION) !== TOKEN_ACTION) return undefined;
  return findSigned(signer, presented, gitAuthBodies(repo));
}

function gitAuthBodies(repo: RepoNames): Candidate[] {
  const services: GitService[] = ['git-upload-pack', 'git-receive-pack'];
  return repoSpellings(repo).flatMap((repoId) =>
    services.map((service) => ({ action: TOKEN_ACTION, body: { repoId, service } })),
  );
}

function asToken(ctx: AppContext, presented: Presented, signer: Signer, found: Verified): GitCredential {
  refuseSuspended(signer);
  checkWindow(presented.epochMs, signer.nowMs, ctx.config.SIGNATURE_EXPIRY_SECS);
  const proof = { ...found.proof, ttlHours: ctx.config.IDEMPOTENCY_TTL_HOURS, replayOnly: false };
  return { kind: 'token', principal: found.principal, proof, mayWrite: found.body.service === 'git-receive-pack' };
}

/**
 * What can be refused before the pack is read is refused now, on the strength of the claim alone: that only makes the
 * outcome stricter and spares the upload.
 */
function defer(ctx: AppContext, presented: Presented, signer: Signer, target: RepoNames): GitCredential {
  const [key] = signer.keys;
  if (key === undefined) throw badSignature('no_active_key');
  refuseSuspended(signer);
  const problem = windowProblem(presented.epochMs, signer.nowMs, ctx.config.SIGNATURE_EXPIRY_SECS);
  // A nonce that is stored may be a late retry, whose answer does not depend on the time.
  if (problem !== undefined && signer.stored === undefined) throw expired(problem, signer.nowMs, presented.epochMs);
  return {
    kind: 'deferred',
    claimed: { agentId: signer.agentId, agentName: signer.agentName, keyId: key.keyId },
    async verify(body): Promise<GitProof> {
      const { proof } = requireSigned(signer, presented, pushBodies(body, target));
      return { ...proof, ttlHours: ctx.config.IDEMPOTENCY_TTL_HOURS, replayOnly: problem !== undefined };
    },
  };
}

function pushBodies({ repoId, packfileHash, refUpdates }: PushBody, target: RepoNames): Candidate[] {
  const hash = packfileHash.replace(/^sha256:/, '');
  const updates = refUpdates.map(({ refName, oldOid, newOid, force }) => ({ refName, oldOid, newOid, force }));
  return repoSpellings({ ...target, repoId }).flatMap((repo) =>
    [hash, `sha256:${hash}`].map((each) => ({
      action: PUSH_ACTION,
      body: { repoId: repo, packfileHash: each, refUpdates: updates },
    })),
  );
}
