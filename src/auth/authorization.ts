/** The Authorization header (RFC 9110 section 11.6.2) in the forms git clients send. */
import type { IncomingHttpHeaders } from 'node:http';

export type Authorization =
  | { kind: 'none' }
  /** `GitClaw <token>` */
  | { kind: 'token'; token: string }
  | { kind: 'basic'; user: string; secret: string }
  | { kind: 'other' };

/** The token of `Authorization: Bearer <token>`, which operators send; the scheme is case-insensitive (RFC 6750). */
export function readBearer(headers: IncomingHttpHeaders): string | undefined {
  return /^bearer +(\S+)$/i.exec(headers.authorization?.trim() ?? '')?.[1];
}

/** Reads the header without judging it; schemes are case-insensitive, broken Basic counts as `other`. */
export function readAuthorization(headers: IncomingHttpHeaders): Authorization {
  const value = headers.authorization?.trim();
  if (value === undefined || value === '') return { kind: 'none' };
  const [, scheme, credentials] = /^(\S+)(?: +(\S+))?$/.exec(value) ?? [];
  if (scheme?.toLowerCase() === 'gitclaw') return { kind: 'token', token: credentials ?? '' };
  if (scheme?.toLowerCase() !== 'basic') return { kind: 'other' };
  const decoded = Buffer.from(credentials ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 0) return { kind: 'other' };
  return { kind: 'basic', user: decoded.slice(0, colon), secret: decoded.slice(colon + 1) };
}
