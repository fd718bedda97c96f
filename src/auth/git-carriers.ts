/** Finds the one credential in a git request: Authorization, or the four headers. */
import type { IncomingHttpHeaders } from 'node:http';
import { type ParsedToken, parseToken, TOKEN_PREFIX } from '../signing/index.js';
import { readAuthorization } from './authorization.js';
import { envelopeHeaders, singleHeader, twoProofs } from './carriers.js';
import { badSignature, checkEnvelope, type Presented } from './presented.js';

export type GitCarrier =
  /** Nothing that proves anything, perhaps a name. */
  | { kind: 'anonymous'; claimedAgentId?: string }
  | { kind: 'token'; token: ParsedToken }
  | { kind: 'headers'; presented: Presented };

/** The password of helpers that only say who is asking. */
const IDENTIFICATION_ONLY = 'gitclaw-token';

/**
 * Sorts out what a git request carries; no signature is checked here.
 *
 * @param otherSchemes what an Authorization of a foreign scheme means: a wrong credential (git requests), or nothing
 *   (API requests, where admins send Bearer)
 * @throws AppError VALIDATION_ERROR for two different proofs or incomplete headers; INVALID_SIGNATURE for a password or
 *   token that is none
 */
export function findGitCarrier(headers: IncomingHttpHeaders, otherSchemes: 'refuse' | 'ignore'): GitCarrier {
  const raw = envelopeHeaders(headers);
  const authorized = fromAuthorization(headers, otherSchemes);
  if (raw !== undefined) {
    // A token signs other bytes than the headers do, so the two can never be one proof.
    if (authorized?.kind === 'token') throw twoProofs();
    const presented = checkEnvelope(raw);
    return sameClaim({ kind: 'headers', presented }, presented.agentId, authorized?.claimedAgentId);
  }
  const claimed = singleHeader(headers, 'x-agent-id');
  if (authorized?.kind === 'token') return sameClaim(authorized, authorized.token.envelope.agentId, claimed);
  const name = authorized?.claimedAgentId ?? claimed;
  return name === undefined
    ? { kind: 'anonymous' }
    : sameClaim({ kind: 'anonymous', claimedAgentId: name }, name, claimed);
}

function fromAuthorization(
  headers: IncomingHttpHeaders,
  otherSchemes: 'refuse' | 'ignore',
): Extract<GitCarrier, { kind: 'token' | 'anonymous' }> | undefined {
  const authorization = readAuthorization(headers);
  switch (authorization.kind) {
    case 'none':
      return undefined;
    case 'token':
      return { kind: 'token', token: requireToken(authorization.token) };
    case 'basic': {
      const { user, secret } = authorization;
      if (secret === IDENTIFICATION_ONLY) return { kind: 'anonymous', claimedAgentId: user };
      const token = requireToken(secret);
      if (token.envelope.agentId !== user) throw badSignature('wrong_user');
      return { kind: 'token', token };
    }
    case 'other':
      if (otherSchemes === 'refuse') throw badSignature('unknown_credential');
      return undefined;
  }
}

function requireToken(text: string): ParsedToken {
  const token = parseToken(text);
  if (token === undefined) throw badSignature(text.startsWith(TOKEN_PREFIX) ? 'malformed_token' : 'unknown_credential');
  return token;
}

function sameClaim<T>(carrier: T, agentId: string, claimed: string | undefined): T {
  if (claimed !== undefined && claimed !== agentId) throw twoProofs();
  return carrier;
}
