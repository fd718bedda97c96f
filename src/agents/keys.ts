/** Adding and revoking an agent's keys. Only the agent itself may, by a call signed with one of its active keys. */
import { randomUUID } from 'node:crypto';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { isUniqueViolation, type Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { parsePublicKey } from '../signing/index.js';
import { type AgentKey, countActiveKeys, insertKey, lockKeys, markRevoked } from './key-store.js';

/** Every active key may have to be tried on every signature of the agent. */
export const MAX_ACTIVE_KEYS = 20;

export function keyView(key: AgentKey) {
  const { keyId, type, publicKey } = key;
  return {
    keyId,
    type,
    publicKey,
    createdAt: key.createdAt.toISOString(),
    revokedAt: key.revokedAt?.toISOString() ?? null,
  };
}

/** @throws AppError ACCESS_DENIED unless the signer is the agent of the path */
export function assertSelf(call: SignedCall, agentId: string): void {
  if (call.principal.agentId === agentId) return;
  throw new AppError('ACCESS_DENIED', { message: 'Only the agent itself may change its keys.', details: { agentId } });
}

/** @throws AppError KEY_EXISTS (also for a revoked key, which must not come back), CONFLICT at the limit of keys */
export async function addKey(tx: Tx, call: SignedCall, publicKey: string): Promise<WorkResult> {
  const { agentId } = call.principal;
  const { type, fingerprint } = parsePublicKey(publicKey);
  if ((await countActiveKeys(tx, agentId)) >= MAX_ACTIVE_KEYS) {
    throw new AppError('CONFLICT', {
      message: `An agent has at most ${MAX_ACTIVE_KEYS} active keys.`,
      details: { agentId, limit: MAX_ACTIVE_KEYS },
    });
  }
  const row = { keyId: randomUUID(), agentId, publicKey, keyType: type, fingerprint };
  const key = await insertKey(tx, row).catch((error: unknown) => {
    if (!isUniqueViolation(error, 'agent_keys_agent_id_fingerprint_key')) throw error;
    throw new AppError('KEY_EXISTS', { details: { agentId }, cause: error });
  });
  await audit(tx, call, 'key_add', { key_id: key.keyId, key_type: type, public_key: publicKey });
  return { status: 201, data: { agentId, ...keyView(key) } };
}

/** Revoking a revoked key again changes nothing. @throws AppError KEY_NOT_FOUND, LAST_KEY */
export async function revokeKey(tx: Tx, call: SignedCall, keyId: string): Promise<WorkResult> {
  const { agentId } = call.principal;
  const keys = await lockKeys(tx, agentId);
  const key = keys.find((one) => one.keyId === keyId);
  if (key === undefined) throw new AppError('KEY_NOT_FOUND', { details: { agentId, keyId } });
  if (key.revokedAt !== null) return { status: 200, data: { agentId, ...keyView(key) } };
  if (keys.filter((one) => one.revokedAt === null).length === 1) {
    throw new AppError('LAST_KEY', { details: { agentId, keyId } });
  }
  const revokedAt = await markRevoked(tx, keyId);
  await audit(tx, call, 'key_revoke', { key_id: keyId });
  return { status: 200, data: { agentId, ...keyView({ ...key, revokedAt }) } };
}

async function audit(tx: Tx, call: SignedCall, action: string, data: Record<string, string>): Promise<void> {
  const { agentId } = call.principal;
  await appendAudit(tx, { ...auditProof(call), action, resourceType: 'agent', resourceId: agentId, data });
}
