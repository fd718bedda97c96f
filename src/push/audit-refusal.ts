/** Pushes that are refused because of what they try are kept in the audit log; others only get their report. */
import { appendAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import type { Repository } from '../repos/index.js';
import type { PushCredential } from './report.js';

export interface RefusedPush {
  /** An fsck id, or `sha1Impostor`. */
  finding: string;
  /** One sentence, as the client gets it. */
  reason: string;
  /** Hex SHA-256 of the pack as received; null when it was not read to its end. */
  packfileHash: string | null;
}

/** Writes one `push_refused` event to the repository's chain. @throws AppError AUDIT_ERROR */
export async function auditRefusal(
  ctx: AppContext,
  repo: Repository,
  { principal, proof }: PushCredential,
  { finding, reason, packfileHash }: RefusedPush,
): Promise<void> {
  await ctx.db.transaction((tx) =>
    appendAudit(tx, {
      agentId: principal.agentId,
      action: 'push_refused',
      resourceType: 'repository',
      resourceId: repo.repoId,
      chainId: repo.repoId,
      keyId: proof.keyId,
      envelope: proof.canonical,
      signature: proof.signature,
      data: { repo_id: repo.repoId, packfile_hash: packfileHash, finding, reason },
      topics: [],
    }),
  );
}
