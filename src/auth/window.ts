/** How old or how far ahead a signature may be. */
import { AppError } from '../errors.js';

/** Clock skew allowed to signers, seconds. */
export const FUTURE_TOLERANCE_SECS = 30;

/** Why the time is outside the window; undefined when it is inside, both ends included. */
export function windowProblem(epochMs: number, nowMs: number, expirySecs: number): string | undefined {
  if (nowMs - epochMs > expirySecs * 1000) return 'timestamp_too_old';
  if (epochMs - nowMs > FUTURE_TOLERANCE_SECS * 1000) return 'timestamp_in_future';
  return undefined;
}

/** @throws AppError SIGNATURE_EXPIRED with details `{reason, serverTime, signedAt}` */
export function checkWindow(epochMs: number, nowMs: number, expirySecs: number): void {
  const reason = windowProblem(epochMs, nowMs, expirySecs);
  if (reason !== undefined) throw expired(reason, nowMs, epochMs);
}

/** Names both clocks, so that whoever reads it sees which one is wrong. @param signedMs unset where it is not known any more */
export function expired(reason: string, nowMs: number, signedMs?: number): AppError {
  const serverTime = new Date(nowMs).toISOString();
  if (signedMs === undefined) return new AppError('SIGNATURE_EXPIRED', { details: { reason, serverTime } });
  const signedAt = new Date(signedMs).toISOString();
  return new AppError('SIGNATURE_EXPIRED', {
    message: `The signature is outside its time window: signed at ${signedAt}, and the server's clock says ${serverTime}.`,
    details: { reason, serverTime, signedAt },
  });
}
