/** Signed statements about where the chains end: what a checkpoint has seen cannot be rewritten unnoticed any more. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { asDatabaseError, type Database, type Queryable } from '../db/index.js';
import { canonicalize } from '../signing/index.js';
import { GENESIS } from './event.js';
import { loadServerKey } from './server-key.js';
import type { ChainLink } from './verify.js';

/** Key of the advisory lock under which one node at a time writes: the first bytes of "checkpoint". */
const LOCK = 0x63686563;
/** Chains that one checkpoint speaks of; the rest follows in the next one. */
const MAX_LEAVES = 10_000;

/** What a checkpoint says. Canonical JSON of this is what is signed. */
export const checkpointPayload = z.strictObject({
  /** 1, 2, 3 … */
  checkpoint: z.int().min(1),
  createdAt: z.iso.datetime({ precision: 3 }),
  /** Hex SHA-256 of the payload before; 64 zeros for the first. */
  previous: z.string().regex(/^[0-9a-f]{64}$/),
  /** {@link chainLeaf} of every link that is new since the checkpoint before, in ascending order. */
  leaves: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
});

export type CheckpointPayload = z.output<typeof checkpointPayload>;

export interface Checkpoint {
  number: number;
  payload: string;
  signature: string;
}

/** Names a link of a chain without telling anything about it to those who do not know it. */
export function chainLeaf(chainId: string, { seq, head }: ChainLink): string {
  return createHash('sha256').update(`${chainId}\n${seq}\n${head}`, 'utf8').digest('hex');
}

export function payloadHash(payload: string): string {
  return createHash('sha256').update(payload, 'utf8').digest('hex');
}

/**
 * Writes a checkpoint when chains have grown since the last one.
 * @returns how many chains it speaks of; 0 = none was written
 * @throws AppError DATABASE_ERROR
 */
export async function writeCheckpoint(db: Database): Promise<number> {
  const key = await loadServerKey(db);
  return db.transaction(async (tx) => {
    const [lock] = await tx.sql<[{ locked: boolean }]>`SELECT pg_try_advisory_xact_lock(${LOCK}) AS locked`;
    if (!lock.locked) return 0;
    // Chains that are being appended to right now are skipped: waiting for one while holding others could deadlock.
    const grown = await tx.sql<(ChainLink & { chainId: string })[]>`
      UPDATE audit_chains c SET checkpointed_seq = c.seq FROM (
        SELECT chain_id FROM audit_chains WHERE seq > checkpointed_seq LIMIT ${MAX_LEAVES} FOR UPDATE SKIP LOCKED) d
      WHERE c.chain_id = d.chain_id RETURNING c.chain_id AS "chainId", c.seq, c.head`;
    if (grown.length === 0) return 0;
    const [last] = await tx.sql<Checkpoint[]>`
      SELECT number, payload, signature FROM audit_checkpoints ORDER BY number DESC LIMIT 1`;
    const at = await tx.now();
    const said: CheckpointPayload = {
      checkpoint: (last?.number ?? 0) + 1,
      createdAt: at.toISOString(),
      previous: last === undefined ? GENESIS : payloadHash(last.payload),
      leaves: grown.map((link) => chainLeaf(link.chainId, link)).sort(),
    };
    const payload = canonicalize(said);
    await tx.sql`INSERT INTO audit_checkpoints (number, payload, signature, created_at)
      VALUES (${said.checkpoint}, ${payload}, ${key.sign(payload)}, ${at}::timestamptz)`;
    return grown.length;
  });
}

/** Checkpoints in order, `limit` behind number `after`. @throws AppError DATABASE_ERROR */
export async function readCheckpoints(db: Queryable, after: number, limit: number): Promise<Checkpoint[]> {
  try {
    return await db.sql<Checkpoint[]>`
      SELECT number, payload, signature FROM audit_checkpoints WHERE number > ${after} ORDER BY number LIMIT ${limit}`;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
