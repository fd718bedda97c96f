/** Which errors a route may answer: its own, and those that come with its kind. */
import { AppError, ERROR_CODES, type ErrorCode } from '../../errors.js';
import type { RouteDescription } from '../../routing/index.js';

/** Codes of every signed call. */
const SIGNED: ErrorCode[] = [
  'VALIDATION_ERROR',
  'INVALID_SIGNATURE',
  'SIGNATURE_EXPIRED',
  'SUSPENDED_AGENT',
  'AGENT_NOT_FOUND',
];
/** Codes of signed calls that change something. */
const SIGNED_WRITE: ErrorCode[] = ['REPLAY_ATTACK', 'RATE_LIMITED', 'CONFLICT'];
const ADMIN: ErrorCode[] = ['INVALID_TOKEN', 'SESSION_EXPIRED', 'ADMIN_NOT_CONFIGURED'];
const HAS_BODY: ErrorCode[] = ['VALIDATION_ERROR', 'PAYLOAD_TOO_LARGE'];

/** Faults of the server or of what it stands on; any route may answer them. */
const FAULTS = ERROR_CODES.filter((code) => statusOf(code) >= 500 && code !== 'ADMIN_NOT_CONFIGURED');

/** HTTP status of a code. */
export function statusOf(code: ErrorCode): number {
  return new AppError(code).status;
}

/** Every code a client of this route has to expect, its own first, faults of the server last. */
export function errorsOf(route: RouteDescription): ErrorCode[] {
  const codes: ErrorCode[] = [...(route.errors ?? [])];
  if (route.auth === 'signed' || route.auth === 'signed-optional') codes.push(...SIGNED);
  if (isSignedWrite(route)) codes.push(...SIGNED_WRITE);
  if (route.auth === 'admin') codes.push(...ADMIN, 'VALIDATION_ERROR');
  if (route.path.includes('{repoId}')) codes.push('REPO_NOT_FOUND');
  if (route.path.includes('{prId}')) codes.push('PR_NOT_FOUND');
  if (route.role !== undefined) codes.push('ACCESS_DENIED');
  if (route.body !== undefined || route.auth !== 'open') codes.push(...HAS_BODY);
  if (route.query !== undefined) codes.push('VALIDATION_ERROR');
  return [...new Set([...codes, ...FAULTS])];
}

/** Whether the nonce is used up, so that a repeat gets the stored answer. */
export function isSignedWrite(route: RouteDescription): boolean {
  return route.auth === 'signed' && route.method !== 'get' && route.safe !== true;
}
