/** Brings a repository back whose objects are stored but whose rows are lost. */
import { appendAudit } from '../audit/index.js';
import { insertPack } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { isUniqueViolation, type Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { CommitGraph } from '../git/index.js';
import { type Oid, oidToBytes, packOids } from '../git/oid.js';
import { type RefUpdate, updateRefs } from '../refs/index.js';
import { checkRepositoryName, insertRepository } from '../repos/index.js';
import { findOwner } from './agent-store.js';
import { connectionOf, isRepositoryId } from './connection.js';
import { lockRepositoryId, startRefsVersion } from './reconcile-store.js';
import { headsOf, type RecoveredPack, recoverPacks } from './recover-packs.js';
import { readPushHistory, refsToCreate } from './recover-refs.js';
import { noRepo } from './repos.js';
import type { ReconnectInput } from './schemas.js';
import { type AdminSession, adminEvent } from './session.js';

/**
 * Makes a repository out of the packs below a prefix: catalog from the packs themselves, refs from the audit log or,
 * where that knows nothing, one branch `recovered/<n>` for every line of history. Objects are stored loose again by the
 * unpack job. Pull requests, stars and roles other than the owner's are lost.
 *
 * All in one transaction, whose lock keeps a second operator from removing the objects meanwhile; verifying large packs
 * may take minutes.
 * @throws AppError OWNER_NOT_FOUND, INVALID_REPO_NAME, REPO_EXISTS; NOT_ORPHANED when nothing is wrong with the repository;
 *   DISCONNECTION_TYPE_MISMATCH when its objects are what is lost; REPO_NOT_FOUND when there is nothing at all;
 *   OBJECT_CORRUPTED, S3_OBJECT_NOT_FOUND when the packs are damaged or incomplete
 */
export async function reconnectRepo(ctx: AppContext, session: AdminSession, repoId: string, input: ReconnectInput) {
  if (!isRepositoryId(repoId)) throw noRepo(repoId);
  checkRepositoryName(input.name);
  const owner = await findOwner(ctx.db, input);
  if (owner === undefined) {
    throw new AppError('OWNER_NOT_FOUND', { details: { owner: input.ownerId ?? input.ownerName } });
  }
  await ctx.db.transaction(async (tx) => {
    await lockRepositoryId(tx, repoId);
    await assertStorageOnly(ctx, tx, repoId);
    const history = await readPushHistory(tx, repoId);
    const packs = await recoverPacks(ctx, repoId, history.tips);
    if (packs.length === 0) {
      throw new AppError('CONFLICT', { message: 'No pack is stored for this repository.', details: { repoId } });
    }
    const segments = packs.map((pack) => pack.segment);
    const graph = CommitGraph.fromSegments(segments);
    const has = (oid: Oid) => isInPacks(ctx, repoId, packs, oid);
    const refs = await refsToCreate(graph, history.refs, headsOf(...segments), has);
    await insertAll(tx, { repoId, ownerId: owner.agentId, input, packs, refs });
    const data = {
      admin_id: session.username,
      repo_name: input.name,
      owner_id: owner.agentId,
      object_count: packs.reduce((sum, pack) => sum + pack.objects, 0),
      ref_updates: refs.map(({ refName, oldOid, newOid }) => ({ refName, oldOid, newOid, force: false })),
    };
    await appendAudit(tx, adminEvent(session, 'admin_reconnect_repo', 'repository', repoId, data));
  });
  return { message: 'The repository is connected again.', repoId };
}

async function assertStorageOnly(ctx: AppContext, tx: Tx, repoId: string): Promise<void> {
  switch (await connectionOf(ctx, tx, repoId)) {
    case 'storage_only':
      return;
    case 'connected':
      throw new AppError('NOT_ORPHANED', { details: { repoId } });
    case 'db_only':
      throw new AppError('DISCONNECTION_TYPE_MISMATCH', { details: { repoId, disconnectionType: 'db_only' } });
    case 'absent':
      throw noRepo(repoId);
  }
}

interface Recovered {
  repoId: string;
  ownerId: string;
  input: ReconnectInput;
  packs: readonly RecoveredPack[];
  refs: readonly RefUpdate[];
}

async function insertAll(tx: Tx, { repoId, ownerId, input, packs, refs }: Recovered): Promise<void> {
  const { name, visibility } = input;
  await insertRepository(tx, { repoId, ownerId, name, visibility, description: null }).catch((error: unknown) => {
    if (!isUniqueViolation(error, 'repositories_owner_id_name_key')) throw error;
    throw new AppError('REPO_EXISTS', { details: { name }, cause: error });
  });
  await startRefsVersion(tx, repoId);
  for (const { tips, ...pack } of packs) {
    await insertPack(tx, repoId, { ...pack, tips: packOids(tips), unpacked: false });
  }
  await updateRefs(tx, repoId, refs, { atomic: false, forced: new Set(), by: { kind: 'server' } });
}

/** For refs that are neither commits nor tags, such as a tag on a blob. */
async function isInPacks(ctx: AppContext, repoId: string, packs: readonly RecoveredPack[], oid: Oid): Promise<boolean> {
  for (const { hash } of packs) {
    const { idx } = await ctx.packCache.readSmall(repoId, hash);
    if (idx.find(oidToBytes(oid), 0) >= 0) return true;
  }
  return false;
}
