/** What is looked at before the transaction that opens pull requests. */
import type { Principal } from '../auth/index.js';
import { readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { parseCommit, type RefCommand } from '../git/index.js';
import type { IndexResult } from '../packs/index.js';
import { MAX_TITLE_CHARACTERS, type PreparedProposal, prepareProposal } from '../pulls/index.js';
import type { Repository } from '../repos/index.js';
import type { Proposal } from './proposals.js';

/** @returns by the name of the source branch's ref; refused updates have none */
export async function prepareProposals(
  ctx: AppContext,
  repo: Repository,
  snapshot: Snapshot,
  { agentId: authorId }: Principal,
  updates: readonly RefCommand[],
  proposals: ReadonlyMap<string, Proposal>,
): Promise<Map<string, PreparedProposal>> {
  const prepared = new Map<string, PreparedProposal>();
  for (const { refName, newOid: headOid } of updates) {
    const proposal = proposals.get(refName);
    if (proposal === undefined) continue;
    const title = proposal.title ?? (await subjectOf(ctx, snapshot, headOid)) ?? proposal.sourceBranch;
    const pull = { ...proposal, repoId: repo.repoId, authorId, title, headOid };
    prepared.set(refName, await prepareProposal(ctx, repo, snapshot, pull));
  }
  return prepared;
}

/** The snapshot as it will be: the pack is in the object store already, only nobody is told yet. */
export function withPack(snapshot: Snapshot, pack: IndexResult | undefined): Snapshot {
  if (pack === undefined || snapshot.packs.some(({ hash }) => hash === pack.hash)) return snapshot;
  const graph = snapshot.graph.withSegment(pack.segment);
  const added = {
    hash: pack.hash,
    storedIn: snapshot.repoId,
    seq: (snapshot.packs.at(-1)?.seq ?? 0) + 1,
    bytes: pack.packBytes,
    objects: pack.objects,
    tight: pack.tight,
    tips: [],
    commits: { from: snapshot.graph.size, to: graph.size },
  };
  return { ...snapshot, packs: [...snapshot.packs, added], graph };
}

/** First line of the message of a commit, as far as a title may be long. */
async function subjectOf(ctx: AppContext, snapshot: Snapshot, oid: string): Promise<string | undefined> {
  const found = await readObject(ctx, snapshot, oid);
  if (found?.type !== 'commit') return undefined;
  const subject = parseCommit(found.data).message.trimStart().split('\n')[0]?.replaceAll('\0', '').trim();
  return subject === undefined || subject === '' ? undefined : [...subject].slice(0, MAX_TITLE_CHARACTERS).join('');
}
