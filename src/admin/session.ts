/** Logging in and out, and who an operator's request is from. */
import { createHash, randomUUID } from 'node:crypto';
import { appendAudit, type NewAuditEvent } from '../audit/index.js';
import { readBearer } from '../auth/index.js';
import type { AppContext } from '../context.js';
import { asDatabaseError } from '../db/index.js';
import { AppError } from '../errors.js';
import { addressKey } from '../limits/index.js';
import { type AppContextOf, noteAgent } from '../routing/index.js';
import { adminAccount, isOperator } from './account.js';
import {
  deleteOldSessions,
  deleteSession,
  FREE_FAILURES,
  findSession,
  forgetFailures,
  insertSession,
  takeAttempt,
} from './session-store.js';

export interface AdminSession {
  username: string;
  tokenHash: string;
}

/**
 * Opens a session of 24 hours that every node knows.
 * @param clientIp whose failures slow down its further attempts
 * @throws AppError ADMIN_NOT_CONFIGURED, INVALID_CREDENTIALS, RATE_LIMITED after repeated failures
 */
export async function login(
  ctx: AppContext,
  { username, password }: { username: string; password: string },
  clientIp: string,
): Promise<{ token: string; expiresAt: string }> {
  const account = adminAccount(ctx.config);
  const client = addressKey(clientIp);
  const wait = await takeAttempt(ctx.db, client).catch(rethrow);
  if (wait > 0) throw tooManyFailures(wait);
  if (!(await isOperator(account, username, password))) {
    ctx.log.warn({ client }, 'admin login failed');
    throw new AppError('INVALID_CREDENTIALS');
  }
  const token = randomUUID();
  const session = { username: account.username, tokenHash: hashOf(token) };
  const expiresAt = await ctx.db.transaction(async (tx) => {
    await forgetFailures(tx, client);
    const expires = await insertSession(tx, session.tokenHash, session.username);
    await appendAudit(tx, adminEvent(session, 'admin_login', 'admin_session', sessionId(session), {}));
    return expires;
  });
  return { token, expiresAt: expiresAt.toISOString() };
}

/** Ends the session. */
export async function logout(ctx: AppContext, session: AdminSession): Promise<{ message: string }> {
  await ctx.db.transaction(async (tx) => {
    if (!(await deleteSession(tx, session.tokenHash))) return;
    await appendAudit(tx, adminEvent(session, 'admin_logout', 'admin_session', sessionId(session), {}));
  });
  return { message: 'Logged out.' };
}

/** The session of a request. @throws AppError ADMIN_NOT_CONFIGURED, INVALID_TOKEN, SESSION_EXPIRED */
export async function requireAdmin(ctx: AppContext, c: AppContextOf): Promise<AdminSession> {
  const { username } = adminAccount(ctx.config);
  const token = readBearer(c.env.incoming.headers);
  if (token === undefined) throw new AppError('INVALID_TOKEN');
  const tokenHash = hashOf(token);
  const found = await findSession(ctx.db, tokenHash).catch(rethrow);
  // A session of an operator who was replaced in the configuration is none.
  if (found === undefined || found.username !== username) throw new AppError('INVALID_TOKEN');
  if (found.expired) throw new AppError('SESSION_EXPIRED');
  noteAgent(c, username);
  return { username, tokenHash };
}

/** An audit event of an operator: the user name acts, and nothing is signed. */
export function adminEvent(
  { username }: Pick<AdminSession, 'username'>,
  action: string,
  resourceType: string,
  resourceId: string,
  data: Record<string, unknown>,
): NewAuditEvent {
  return { agentId: username, action, resourceType, resourceId, data, signature: '' };
}

/** Clean-up for the jobs room. @returns how many rows went */
export function removeOldSessions(ctx: AppContext): Promise<number> {
  return deleteOldSessions(ctx.db);
}

/** Names a session in the audit log, which is public: enough to join login and logout, useless as a key. */
function sessionId({ tokenHash }: AdminSession): string {
  return tokenHash.slice(0, 16);
}

function hashOf(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}

function tooManyFailures(retryAfter: number): AppError {
  return new AppError('RATE_LIMITED', {
    message: `Too many failed logins from this address. Try again in ${retryAfter} s.`,
    details: { action: 'admin_login', limit: FREE_FAILURES, window: `${retryAfter}s`, retryAfter },
    retryAfter,
  });
}

function rethrow(error: unknown): never {
  throw asDatabaseError(error);
}
