/** After a restore: do the database and the object store fit each other? Nothing is changed. */
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { findRepositoryById } from '../repos/index.js';
import { packKey, repositoryPrefix } from '../storage/index.js';
import { missingPacks, refsThatReach, refsWithoutObject, StoredPacks } from './lost-refs.js';
import { comparePrefix } from './prefix.js';
import { currentRefs } from './ref-consistency.js';
import { selectRepositoryIds, selectStrangers } from './store.js';

const BATCH = 500;
const PACK_NAME = /\/objects\/pack\/pack-[0-9a-f]{40}\.pack$/;

export interface RestoreReport {
  ok: boolean;
  repositories: number;
  refs: number;
  /** Refs of which an object is missing: the bucket is older than the dump, or lost something. */
  lostRefs: { repoId: string; repository: string; refName: string; oid: string }[];
  /** Keys of the catalog that are not in the object store, or have another size there. */
  missingKeys: string[];
  /** Packs that the restored database does not know: they came after the dump, and so did what points at them. */
  newerPacks: { repoId: string; key: string; modifiedAt: string; bytes: number }[];
  /** Of these, repositories that the restored database does not know at all. */
  unknownRepositories: string[];
}

/** @throws AppError of the object store or the database */
export async function checkRestore(ctx: AppContext): Promise<RestoreReport> {
  const report: RestoreReport = {
    ...{ ok: true, repositories: 0, refs: 0, lostRefs: [], missingKeys: [], newerPacks: [], unknownRepositories: [] },
  };
  for (let after = ''; ; ) {
    const repoIds = await selectRepositoryIds(ctx.db, after, BATCH);
    for (const repoId of repoIds) await checkRepository(ctx, repoId, report);
    if (repoIds.length < BATCH) break;
    after = repoIds.at(-1) ?? after;
  }
  await findUnknown(ctx, report);
  report.ok = report.lostRefs.length + report.missingKeys.length + report.newerPacks.length === 0;
  return report;
}

async function checkRepository(ctx: AppContext, repoId: string, report: RestoreReport): Promise<void> {
  const repo = await findRepositoryById(ctx.db, repoId);
  if (repo === undefined) return;
  const refs = await currentRefs(ctx, repoId);
  const snapshot = await loadSnapshot(ctx, repoId);
  const stored = new StoredPacks(ctx);
  const missing = await missingPacks(snapshot, stored);
  const lost = new Set([
    ...(await refsWithoutObject(ctx, snapshot, refs, stored)),
    ...refsThatReach(snapshot, refs, missing),
  ]);
  report.repositories += 1;
  report.refs += refs.length;
  for (const { name, oid } of refs.filter((ref) => lost.has(ref))) {
    report.lostRefs.push({ repoId, repository: `${repo.ownerName}/${repo.name}`, refName: name, oid });
  }
  const { missing: keys, wrongSize, unknown } = await comparePrefix(ctx, repoId, new Date(8.64e15));
  // A fork may read packs from the prefix of a repository that is gone, or that comes before or after it here.
  const shared = missing.filter(({ storedIn }) => storedIn !== repoId);
  report.missingKeys = [
    ...new Set([
      ...report.missingKeys,
      ...keys,
      ...wrongSize.map(({ key }) => key),
      ...shared.map(({ storedIn, hash }) => packKey(storedIn, hash, 'pack')),
    ]),
  ];
  for (const { key, modifiedAt, size } of unknown.filter((each) => PACK_NAME.test(each.key)))
    report.newerPacks.push({ repoId, key, modifiedAt: modifiedAt.toISOString(), bytes: size });
}

async function findUnknown(ctx: AppContext, report: RestoreReport): Promise<void> {
  const names: string[] = [];
  const look = async () => {
    for (const repoId of await selectStrangers(ctx.db, names.splice(0))) await listUnknown(ctx, repoId, report);
  };
  for await (const name of ctx.objects.listTopLevel()) {
    names.push(name);
    if (names.length >= BATCH) await look();
  }
  await look();
}

async function listUnknown(ctx: AppContext, repoId: string, report: RestoreReport): Promise<void> {
  const before = report.newerPacks.length;
  for await (const { key, modifiedAt, size } of ctx.objects.list(repositoryPrefix(repoId))) {
    if (PACK_NAME.test(key)) report.newerPacks.push({ repoId, key, modifiedAt: modifiedAt.toISOString(), bytes: size });
  }
  if (report.newerPacks.length > before) report.unknownRepositories.push(repoId);
}
