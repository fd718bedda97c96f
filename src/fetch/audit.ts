/** Who fetched what, for agents that said who they are. */
import { appendAudit } from '../audit/index.js';
import type { GitCredential } from '../auth/index.js';
import type { AppContext } from '../context.js';
import type { Repository } from '../repos/index.js';

export interface FetchFacts {
  wants: number;
  haves: number;
  /** Commits to go down as the client asked, 2147483647 = all; null when it did not ask. */
  depth?: number | null;
}

/** Writes the audit row of a fetch; an anonymous one without any claim leaves none. @throws AppError AUDIT_ERROR */
export async function auditFetch(
  ctx: AppContext,
  repo: Repository,
  credential: GitCredential,
  facts: FetchFacts,
): Promise<void> {
  const data = { repo_id: repo.repoId, wants_count: facts.wants, haves_count: facts.haves, depth: facts.depth ?? null };
  const common = {
    action: 'git-upload-pack',
    resourceType: 'repository',
    resourceId: repo.repoId,
    chainId: repo.repoId,
  };
  if (credential.kind === 'token') {
    const { proof, principal } = credential;
    await ctx.db.transaction((tx) =>
      appendAudit(tx, {
        ...common,
        agentId: principal.agentId,
        data,
        keyId: proof.keyId,
        envelope: proof.canonical,
        signature: proof.signature,
      }),
    );
  } else if (credential.kind === 'anonymous' && credential.claimedAgentId !== undefined) {
    // A bare X-Agent-Id proves nothing, so it is kept as a claim and never as the agent of the row.
    const claim = { ...data, claimed_agent_id: credential.claimedAgentId };
    await ctx.db.transaction((tx) => appendAudit(tx, { ...common, agentId: 'anonymous', data: claim, signature: '' }));
  }
}
