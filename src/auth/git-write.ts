/** A credential that writes commits once. */
import type { AppContext } from '../context.js';
import { asDatabaseError, type Tx } from '../db/index.js';
import type { JsonValue } from '../signing/index.js';
import { claimNonce } from './claim-nonce.js';
import { replayOf } from './replay.js';
import type { StoredResult } from './signer.js';
import type { GitProof } from './types.js';
import { expired } from './window.js';

export interface GitWrite {
  repoId: string;
  /** Hex SHA-256 over everything that makes two pushes the same one: repository, commands, push options. */
  fingerprint: string;
  /** What a repeat of the same push is answered with. */
  report: JsonValue;
}

/**
 * Uses up the credential's nonce inside the transaction that moves the refs.
 *
 * @returns undefined when this push is the first; otherwise the report of the same push that committed meanwhile: the
 *   caller then rolls back and answers with that report
 * @throws AppError REPLAY_ATTACK when the credential already wrote something else; SUSPENDED_AGENT or INVALID_SIGNATURE
 *   when agent or key were blocked meanwhile; SIGNATURE_EXPIRED when the proof is only good for a stored report
 */
export async function rememberWrite(tx: Tx, proof: GitProof, write: GitWrite): Promise<JsonValue | undefined> {
  const answer = { status: 200, data: { repoId: write.repoId, report: write.report } };
  const stored = await claimNonce(tx, proof, write.fingerprint, proof.ttlHours, answer);
  if (stored !== undefined) return reportOf(stored);
  if (proof.replayOnly) throw expired('timestamp_too_old', (await tx.now()).getTime());
  return undefined;
}

/**
 * The report of an earlier push with this very credential and these very commands; ask before any work is done.
 *
 * @returns undefined when the credential has not written yet
 * @throws AppError REPLAY_ATTACK when it wrote something else
 */
export async function storedWrite(
  ctx: AppContext,
  proof: GitProof,
  fingerprint: string,
): Promise<JsonValue | undefined> {
  const [stored] = await ctx.db.sql<StoredResult[]>`
    SELECT action, fingerprint, status_code AS status, response_json AS data FROM idempotency_results
    WHERE nonce_hash = ${proof.nonceHash} AND expires_at > now()`.catch((error: unknown) => {
    throw asDatabaseError(error);
  });
  return stored === undefined ? undefined : reportOf(replayOf(stored, proof.action, fingerprint));
}

function reportOf({ data }: StoredResult): JsonValue {
  return (data as { report: JsonValue }).report;
}
