/** SQL of the certificates room: the policy of a repository, and the certificates that are kept. */
import type { PushCertPolicy, Queryable, Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';
import type { VerifiedCertificate } from './check.js';

/** The policy as it is now; it cannot change before the transaction ends. Undefined when the repository is gone. */
export async function holdPolicy(tx: Tx, repoId: string): Promise<PushCertPolicy | undefined> {
  const [row] = await tx.sql<{ policy: PushCertPolicy }[]>`
    SELECT push_cert_policy AS policy FROM repositories WHERE repo_id = ${repoId} FOR KEY SHARE`;
  return row?.policy;
}

/**
 * Keeps the certificate of a push.
 * @returns false when the key was revoked meanwhile or the nonce has served another push
 */
export async function insertCertificate(
  tx: Tx,
  { eventId, repoId, agentId }: { eventId: string; repoId: string; agentId: string },
  { keyId, nonce, text, hash }: VerifiedCertificate,
): Promise<boolean> {
  const { count } = await tx.sql`
    INSERT INTO push_certificates (event_id, repo_id, agent_id, key_id, nonce, certificate, certificate_hash)
    SELECT ${eventId}::uuid, ${repoId}, ${agentId}, key_id, ${nonce}, ${text}, ${hash} FROM agent_keys
    WHERE key_id = ${keyId} AND agent_id = ${agentId} AND revoked_at IS NULL
    ON CONFLICT (repo_id, nonce) DO NOTHING`;
  return count === 1;
}

export interface KeptCertificate {
  eventId: string;
  repoId: string;
  agentId: string;
  keyId: string;
  nonce: string;
  certificate: string;
  certificateHash: string;
  createdAt: Date;
}

export async function findCertificate(
  db: Queryable,
  repoId: string,
  eventId: string,
): Promise<KeptCertificate | undefined> {
  if (!isStorable(repoId)) return undefined;
  const [row] = await db.sql<KeptCertificate[]>`
    SELECT event_id AS "eventId", repo_id AS "repoId", agent_id AS "agentId", key_id AS "keyId", nonce, certificate,
      certificate_hash AS "certificateHash", created_at AS "createdAt"
    FROM push_certificates WHERE event_id = ${eventId}::uuid AND repo_id = ${repoId}`;
  return row;
}
