/** Checks a `gct1.` token: who, for which server, which repository, which service. */
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { together } from '../parallel.js';
import { type ParsedToken, TOKEN_ACTION } from '../signing/index.js';
import { isOwnAudience, namesRepo, repoSpellings } from './git-target.js';
import { badSignature, checkEnvelope, type Presented } from './presented.js';
import { loadSigner, refuseSuspended } from './signer.js';
import type { GitService, Principal, Proof, RepoNames } from './types.js';
import { requireSigned } from './verify.js';
import { checkWindow } from './window.js';

export interface VerifiedToken {
  principal: Principal;
  proof: Proof;
  /** A token for git-receive-pack also reads. */
  service: GitService;
  /** The nonce has not been used. */
  unused: boolean;
}

/**
 * Verifies a token that was taken from a request.
 *
 * @param repo undefined when the request is about no repository in particular
 * @throws AppError INVALID_SIGNATURE with details `{reason}` (`wrong_audience`, `wrong_repository`, ...), AGENT_NOT_FOUND,
 *   SUSPENDED_AGENT, SIGNATURE_EXPIRED
 */
export async function verifyToken(
  ctx: AppContext,
  token: ParsedToken,
  repo?: RepoNames | Promise<RepoNames>,
): Promise<VerifiedToken> {
  const presented = presentedToken(token);
  const { aud, repoId, service, ...more } = token.envelope.body;
  if (token.envelope.action !== TOKEN_ACTION || Object.keys(more).length > 0) throw badSignature('malformed_token');
  if (typeof aud !== 'string' || typeof repoId !== 'string' || !isService(service))
    throw badSignature('malformed_token');
  const [signer, names] = await together(loadSigner(ctx.db.brief, presented.agentId, presented.nonceHash), repo);
  const { principal, proof } = requireSigned(signer, presented, [token.envelope]);
  refuseSuspended(signer);
  checkWindow(presented.epochMs, signer.nowMs, ctx.config.SIGNATURE_EXPIRY_SECS);
  if (!isOwnAudience(aud, ctx.config)) throw badSignature('wrong_audience');
  if (names !== undefined && repoSpellings(names).length > 0 && !namesRepo(repoId, names))
    throw badSignature('wrong_repository');
  return { principal, proof, service, unused: signer.stored === undefined };
}

/** A password is right or wrong, so malformed fields inside a token are a wrong signature rather than a bad request. */
function presentedToken({ envelope, signature }: ParsedToken): Presented {
  try {
    const presented = checkEnvelope({ ...envelope, signature, fields: {} });
    return { ...presented, timestamps: [envelope.timestamp] };
  } catch (error) {
    if (error instanceof AppError && error.code === 'VALIDATION_ERROR') throw badSignature('malformed_token');
    throw error;
  }
}

export function isService(value: unknown): value is GitService {
  return value === 'git-upload-pack' || value === 'git-receive-pack';
}
