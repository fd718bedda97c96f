/** Looks up the agent behind a claim: always fresh, in one query, with the database's clock. */
import { LRUCache } from 'lru-cache';
import type postgres from 'postgres';
import { asDatabaseError, type Database } from '../db/index.js';
import { AppError } from '../errors.js';
import { type Charge, type ChargeRow, chargeSteps } from '../limits/index.js';
import { type PublicKey, parsePublicKey } from '../signing/index.js';

export interface SignerKey extends PublicKey {
  keyId: string;
}

export interface StoredResult {
  action: string;
  fingerprint: string | null;
  status: number;
  data: unknown;
}

export interface Signer extends Suspension {
  agentId: string;
  agentName: string;
  /** Active keys, oldest first. */
  keys: SignerKey[];
  /** The database's clock, milliseconds since 1970. */
  nowMs: number;
  /** What is stored under the nonce, unless it has expired. */
  stored: StoredResult | undefined;
  /** What became of the charge that came along; undefined when its condition did not hold or none came. */
  charged: ChargeRow | undefined;
}

/** A charge to take if the database agrees. */
export interface ConditionalCharge {
  charge: Charge;
  /** What must hold in the database, as a condition in SQL. */
  condition(sql: Database['sql']): SqlPart;
}

export type SqlPart = postgres.PendingQuery<postgres.Row[]>;

export interface Suspension {
  suspended: boolean;
  suspendedAt: Date | null;
  suspendedReason: string | null;
}

interface SignerRow extends Suspension {
  agentName: string;
  nowMs: number;
  keys: { keyId: string; publicKey: string }[] | null;
  storedAction: string | null;
  storedFingerprint: string | null;
  storedStatus: number | null;
  storedData: unknown;
  charged: ChargeRow | null;
}

/** Parsing a key costs as much as checking a signature. Keyed by the key's text, so a stale entry cannot exist. */
const parsedKeys = new LRUCache<string, PublicKey>({ max: 10_000 });

/** Active keys of agents when they were last looked up: good for guesses that the database confirms, nothing else. */
const lastKeys = new LRUCache<string, SignerKey[]>({ max: 10_000 });

/** The keys an agent had when this node last looked; none when it never did. */
export function keysLastSeen(agentId: string): readonly SignerKey[] {
  return lastKeys.get(agentId) ?? [];
}

/**
 * Loads agent, active keys, suspension, the stored result of the nonce, and the time.
 *
 * @param early a charge to take in the same round trip, if its conditions hold
 * @throws AppError AGENT_NOT_FOUND with details `{agentId}`
 */
export async function loadSigner(
  db: Pick<Database, 'sql'>,
  agentId: string,
  nonceHash: string,
  early?: ConditionalCharge,
): Promise<Signer> {
  const { sql } = db;
  const steps = early && chargeSteps(sql, early.charge, early.condition(sql));
  const [row] = await sql<SignerRow[]>`
    ${steps ? sql`WITH ${steps}` : sql``}
    SELECT a.agent_name AS "agentName", a.suspended, a.suspended_at AS "suspendedAt",
      a.suspended_reason AS "suspendedReason", (extract(epoch FROM now()) * 1000)::float8 AS "nowMs",
      (SELECT json_agg(json_build_object('keyId', k.key_id, 'publicKey', k.public_key) ORDER BY k.created_at, k.key_id)
        FROM agent_keys k WHERE k.agent_id = a.agent_id AND k.revoked_at IS NULL) AS keys,
      r.action AS "storedAction", r.fingerprint AS "storedFingerprint", r.status_code AS "storedStatus",
      r.response_json AS "storedData",
      ${steps ? sql`(SELECT row_to_json(c) FROM rate_result c)` : sql`NULL::json`} AS charged
    FROM agents a LEFT JOIN idempotency_results r ON r.nonce_hash = ${nonceHash} AND r.expires_at > now()
    WHERE a.agent_id = ${agentId}`.catch((error: unknown) => {
    throw asDatabaseError(error);
  });
  if (row === undefined) throw new AppError('AGENT_NOT_FOUND', { details: { agentId } });
  const { agentName, suspended, suspendedAt, suspendedReason, nowMs } = row;
  const keys = (row.keys ?? []).flatMap(readKey);
  lastKeys.set(agentId, keys);
  return {
    ...{ agentId, agentName, suspended, suspendedAt, suspendedReason, nowMs, keys },
    charged: row.charged ?? undefined,
    stored:
      row.storedAction === null || row.storedStatus === null
        ? undefined
        : {
            action: row.storedAction,
            fingerprint: row.storedFingerprint,
            status: row.storedStatus,
            data: row.storedData,
          },
  };
}

/** @throws AppError SUSPENDED_AGENT with details `{suspendedAt, reason}` */
export function refuseSuspended({ suspended, suspendedAt, suspendedReason }: Suspension): void {
  if (!suspended) return;
  throw new AppError('SUSPENDED_AGENT', {
    details: { suspendedAt: suspendedAt?.toISOString() ?? null, reason: suspendedReason },
  });
}

/** A key row that cannot be read (an old database may hold one) is no key; the agent's other keys still count. */
export function readKey({ keyId, publicKey }: { keyId: string; publicKey: string }): SignerKey[] {
  const known = parsedKeys.get(publicKey);
  if (known !== undefined) return [{ ...known, keyId }];
  try {
    const parsed = parsePublicKey(publicKey);
    parsedKeys.set(publicKey, parsed);
    return [{ ...parsed, keyId }];
  } catch {
    return [];
  }
}
