/** Nonces that any node can check without storing them: a time and an HMAC over repository and time. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long a client may hold on to a nonce, seconds. */
export const SERVER_NONCE_MAX_AGE_SECS = 600;

/**
 * @param repo the repository as the challenge names it
 * @param nowMs milliseconds since 1970
 */
export function issueServerNonce(secret: Buffer, repo: string, nowMs: number): string {
  const time = String(Math.floor(nowMs / 1000));
  return `${time}-${seal(secret, repo, time)}`;
}

/** Whether the nonce is one of ours for this repository and not older than {@link SERVER_NONCE_MAX_AGE_SECS}. */
export function isServerNonce(secret: Buffer, repo: string, nonce: string, nowMs: number): boolean {
  const [, time, mac] = /^(\d{1,12})-([0-9a-f]{64})$/.exec(nonce) ?? [];
  if (time === undefined || mac === undefined) return false;
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(seal(secret, repo, time)))) return false;
  const age = nowMs / 1000 - Number(time);
  return age <= SERVER_NONCE_MAX_AGE_SECS;
}

function seal(secret: Buffer, repo: string, time: string): string {
  return createHmac('sha256', secret).update(`${time}\n${repo}`).digest('hex');
}

/**
 * A nonce for the certificate of one push. Beside time and HMAC it holds random bits: each advertisement gets its own, so
 * that a certificate can be good for one push only.
 * @param nowMs milliseconds since 1970
 */
export function issuePushNonce(secret: Buffer, repoId: string, nowMs: number): string {
  const salt = randomBytes(8).toString('hex');
  return `${salt}-${issueServerNonce(secret, pushNonceScope(repoId, salt), nowMs)}`;
}

/** Whether the nonce was issued for a push to this repository, not too long ago (git's `receive.certNonceSlop`). */
export function isPushNonce(secret: Buffer, repoId: string, nonce: string, nowMs: number): boolean {
  const [, salt, rest] = /^([0-9a-f]{16})-(.*)$/.exec(nonce) ?? [];
  return salt !== undefined && rest !== undefined && isServerNonce(secret, pushNonceScope(repoId, salt), rest, nowMs);
}

function pushNonceScope(repoId: string, salt: string): string {
  return `push-cert\n${repoId}\n${salt}`;
}
