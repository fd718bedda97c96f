/** SQL of exports. */
import { asDatabaseError, type Queryable } from '../../db/index.js';
import { GLOBAL_CHAIN } from '../append.js';
import type { ChainLink } from '../verify.js';

export interface ExportChain {
  chainId: string;
  /** Place of its last event. */
  seq: number;
}

/** Chains in order of their ids: the one that is named, all, or those of public repositories and of no repository. */
export async function selectChains(
  db: Queryable,
  wanted: {
    chainId: string | undefined;
    admin: boolean;
    from: string | undefined;
    behind: string | undefined;
    limit: number;
  },
): Promise<ExportChain[]> {
  const { sql } = db;
  const { chainId, admin, from, behind, limit } = wanted;
  const seen =
    admin || chainId !== undefined ? sql`` : sql`AND (c.chain_id = ${GLOBAL_CHAIN} OR r.visibility = 'public')`;
  return answer(sql<ExportChain[]>`
    SELECT c.chain_id AS "chainId", c.seq FROM audit_chains c LEFT JOIN repositories r ON r.repo_id = c.chain_id
    WHERE true ${seen}
      ${chainId === undefined ? sql`` : sql`AND c.chain_id = ${chainId}`}
      ${from === undefined ? sql`` : sql`AND c.chain_id >= ${from}`}
      ${behind === undefined ? sql`` : sql`AND c.chain_id > ${behind}`}
    ORDER BY c.chain_id LIMIT ${limit}`);
}

/** The link at a place of a chain that is known to reach it. */
export async function readLink(db: Queryable, chainId: string, seq: number): Promise<ChainLink> {
  const [row] = await answer(db.sql<ChainLink[]>`
    SELECT seq, chain_hash AS head FROM audit_log WHERE chain_id = ${chainId} AND seq = ${seq}`);
  if (row === undefined) throw new Error(`the chain ${chainId} has no event ${seq}`);
  return row;
}

export interface ExportKey {
  keyId: string;
  agentId: string;
  publicKey: string;
  createdAt: Date;
  revokedAt: Date | null;
}

export async function selectKeys(db: Queryable, keyIds: readonly string[]): Promise<ExportKey[]> {
  if (keyIds.length === 0) return [];
  return answer(db.sql<ExportKey[]>`
    SELECT key_id AS "keyId", agent_id AS "agentId", public_key AS "publicKey", created_at AS "createdAt",
      revoked_at AS "revokedAt"
    FROM agent_keys WHERE key_id = ANY(${[...keyIds]}::text[]) ORDER BY key_id`);
}

export interface ExportCertificate {
  eventId: string;
  repoId: string;
  agentId: string;
  keyId: string;
  nonce: string;
  certificate: string;
}

/** The kept certificate of a push; undefined when it is not there any more. */
export async function selectCertificate(
  db: Queryable,
  repoId: string,
  pushEventId: string,
): Promise<ExportCertificate | undefined> {
  const rows = await answer(db.sql<ExportCertificate[]>`
    SELECT event_id AS "eventId", repo_id AS "repoId", agent_id AS "agentId", key_id AS "keyId", nonce, certificate
    FROM push_certificates WHERE event_id = ${pushEventId}::uuid AND repo_id = ${repoId}`);
  return rows[0];
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
