/** The door for git requests. */
import type { IncomingHttpHeaders } from 'node:http';
import type { AppContext } from '../context.js';
import { findGitCarrier } from './git-carriers.js';
import { verifyHeaders } from './git-headers.js';
import { verifyToken } from './git-token.js';
import { loadServerSecret } from './server-secret.js';
import type { GitCredential, GitTarget } from './types.js';

/**
 * Who sends a git request, judged when the request starts.
 *
 * The repository may still be on its way, as the signer is looked up meanwhile. Give every name of it that is known:
 * signers may use its id or `owner/name`. Access is not decided here.
 *
 * @throws AppError VALIDATION_ERROR for two proofs or broken headers; INVALID_SIGNATURE, AGENT_NOT_FOUND, SUSPENDED_AGENT,
 *   SIGNATURE_EXPIRED for a credential that is present but not good; 401s want the headers of `gitChallenges`
 */
export async function authenticateGit(
  ctx: AppContext,
  headers: IncomingHttpHeaders,
  target: GitTarget | Promise<GitTarget>,
): Promise<GitCredential> {
  // Loaded here because a challenge is written without waiting for the database.
  await loadServerSecret(ctx.db);
  const carrier = findGitCarrier(headers, 'refuse');
  if (carrier.kind === 'anonymous') return carrier;
  if (carrier.kind === 'headers') return verifyHeaders(ctx, carrier.presented, target);
  const { principal, proof, service, unused } = await verifyToken(ctx, carrier.token, target);
  return {
    kind: 'token',
    principal,
    proof: {
      ...proof,
      ttlHours: ctx.config.IDEMPOTENCY_TTL_HOURS,
      replayOnly: false,
      ...(unused && { unused: true as const }),
    },
    mayWrite: service === 'git-receive-pack',
  };
}
