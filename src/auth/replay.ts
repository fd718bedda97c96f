/** What a nonce that was used before means. */
import { AppError } from '../errors.js';
import { canonicalize, digest, type JsonObject } from '../signing/index.js';
import type { StoredResult } from './signer.js';

/** Lowercase hex SHA-256 over method, path as received and canonical signed body: two equal ones are one request. */
export function requestFingerprint(method: string, path: string, body: JsonObject): string {
  return digest(`${method.toUpperCase()}\n${path}\n${canonicalize(body)}`).toString('hex');
}

/**
 * The stored answer, if the same request asks again.
 *
 * @throws AppError REPLAY_ATTACK when the nonce belongs to another action or another request
 */
export function replayOf<T extends Pick<StoredResult, 'action' | 'fingerprint'>>(
  stored: T,
  action: string,
  fingerprint: string,
): T {
  if (stored.action !== action) {
    throw new AppError('REPLAY_ATTACK', { details: { previousAction: stored.action, attemptedAction: action } });
  }
  if (stored.fingerprint !== fingerprint) throw new AppError('REPLAY_ATTACK');
  return stored;
}
