import { randomUUID } from 'node:crypto';
import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { sharePacks } from '../catalog/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { copyRefs } from '../refs/index.js';
import {
  checkRepositoryName,
  insertRepository,
  lockRepository,
  refuseTakenName,
  repositoryView,
} from '../repos/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import type { ForkInput } from './schemas.js';

/**
 * Makes a repository of the signer's out of another: the same refs except those of pull requests, the same packs by
 * reference. The lock on the source keeps pushes from committing between the copy of its refs and that of its packs.
 * @param base of the clone URL
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED, INVALID_REPO_NAME, REPO_EXISTS, CONFLICT for a public fork of a private
 * repository
 */
export async function forkRepository(
  tx: Tx,
  call: SignedCall,
  { sourceId, input }: { sourceId: string; input: ForkInput },
  base: string,
): Promise<WorkResult> {
  const { agentId: ownerId, agentName: ownerName } = call.principal;
  const source = await lockRepository(tx, sourceId, 'share');
  await requireRole(tx, source, ownerId, 'read');
  const visibility = input.visibility ?? source.visibility;
  if (visibility === 'public' && source.visibility === 'private') {
    throw new AppError('CONFLICT', {
      message: 'A fork of a private repository stays private.',
      details: { repoId: sourceId, visibility },
    });
  }
  const { description, defaultBranch } = source;
  const name = input.name ?? source.name;
  checkRepositoryName(name);
  const row = { repoId: randomUUID(), ownerId, name, description, visibility, defaultBranch, forkedFrom: sourceId };
  const { createdAt } = await insertRepository(tx, row).catch((error: unknown) => refuseTakenName(error, name));
  const refs = await copyRefs(tx, sourceId, row.repoId);
  const packs = await sharePacks(tx, sourceId, row.repoId);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'repo_fork',
    resourceType: 'repository',
    resourceId: row.repoId,
    data: { repo_name: name, description, visibility, forked_from: sourceId, refs_count: refs, packs_count: packs },
  });
  return {
    status: 201,
    data: repositoryView({ ...row, createdAt, ownerName, stars: 0, pushCertPolicy: 'if-present' }, base),
  };
}
