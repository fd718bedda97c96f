import { randomUUID } from 'node:crypto';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { isUniqueViolation, type Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import type { CreateInput } from './schemas.js';
import { insertRepository } from './store.js';
import { repositoryView } from './view.js';

/** @throws AppError INVALID_REPO_NAME */
export function checkRepositoryName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/.test(name) && !name.endsWith('.git')) return;
  throw new AppError('INVALID_REPO_NAME', { details: { name: name.slice(0, 64) } });
}

/** @throws AppError REPO_EXISTS when the owner has a repository of this name, otherwise the error as it is */
export function refuseTakenName(error: unknown, name: string): never {
  if (!isUniqueViolation(error, 'repositories_owner_id_name_key')) throw error;
  throw new AppError('REPO_EXISTS', { details: { name }, cause: error });
}

/**
 * Creates an empty repository: its default branch `main` is unborn until the first push.
 * @param base of the clone URL
 * @throws AppError REPO_EXISTS
 */
export async function createRepository(
  tx: Tx,
  call: SignedCall,
  input: CreateInput,
  base: string,
): Promise<WorkResult> {
  const { agentId: ownerId, agentName: ownerName } = call.principal;
  const row = { repoId: randomUUID(), ownerId, ...input };
  const created = await insertRepository(tx, row).catch((error: unknown) => refuseTakenName(error, input.name));
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'repo_create',
    resourceType: 'repository',
    resourceId: row.repoId,
    data: { repo_name: input.name, description: input.description, visibility: input.visibility },
  });
  return {
    status: 201,
    data: repositoryView(
      { ...row, ...created, ownerName, stars: 0, forkedFrom: null, pushCertPolicy: 'if-present' },
      base,
    ),
  };
}
