/** The scan for repositories that only the database or only the object store knows. */
import type { AppContext } from '../context.js';
import { asDatabaseError } from '../db/index.js';
import { repositoryPrefix } from '../storage/index.js';
import { isRepositoryId } from './connection.js';
import { type KnownRepository, selectUnknown, selectWithPacks } from './reconcile-store.js';

/** Ids compared in one query. */
const BATCH = 1000;

/** Disconnected repositories reported of each kind; the rest is counted. Looking into each costs a listing. */
const MAX_REPORTED = 1000;

/**
 * Compares the first-level names of the object store with the repositories. A repository without a push has nothing to
 * store and is not disconnected.
 * @throws AppError OBJECT_STORAGE_ERROR or an S3 code, DATABASE_ERROR
 */
export async function reconcile(ctx: AppContext) {
  const detectedAt = (await ctx.db.now()).toISOString();
  // Repositories before names: one that is pushed to for the first time meanwhile is then not taken for disconnected.
  const known = await knownRepositories(ctx);
  const stored = new Set<string>();
  for await (const name of ctx.objects.listTopLevel()) if (isRepositoryId(name)) stored.add(name);
  const dbOnly = known.filter(({ repoId }) => !stored.has(repoId));
  const storageOnly = await unknownNames(ctx, [...stored]);
  const storageOnlyRepos = [];
  for (const repoId of storageOnly.slice(0, MAX_REPORTED)) {
    const storageMetadata = await measure(ctx, repoId);
    if (storageMetadata.objectCount > 0) storageOnlyRepos.push(item({ repoId, storageMetadata, detectedAt }));
  }
  return {
    dbOnlyRepos: dbOnly.slice(0, MAX_REPORTED).map((known) => item({ repoId: known.repoId, known, detectedAt })),
    storageOnlyRepos,
    totalDisconnected: dbOnly.length + storageOnly.length,
    scannedAt: detectedAt,
  };
}

async function knownRepositories(ctx: AppContext): Promise<KnownRepository[]> {
  const all: KnownRepository[] = [];
  for (let after = ''; ; ) {
    const batch = await selectWithPacks(ctx.db, after, BATCH).catch(rethrow);
    all.push(...batch);
    const last = batch.at(-1);
    if (last === undefined) return all;
    after = last.repoId;
  }
}

async function unknownNames(ctx: AppContext, names: readonly string[]): Promise<string[]> {
  const unknown: string[] = [];
  for (let at = 0; at < names.length; at += BATCH) {
    unknown.push(...(await selectUnknown(ctx.db, names.slice(at, at + BATCH)).catch(rethrow)));
  }
  return unknown;
}

interface StorageMetadata {
  objectCount: number;
  totalSizeBytes: number;
  oldestObjectAt: string | null;
  newestObjectAt: string | null;
}

/** Counts the keys below a repository's prefix. */
async function measure(ctx: AppContext, repoId: string): Promise<StorageMetadata> {
  let objectCount = 0;
  let totalSizeBytes = 0;
  let oldest = Number.POSITIVE_INFINITY;
  let newest = Number.NEGATIVE_INFINITY;
  for await (const { size, modifiedAt } of ctx.objects.list(repositoryPrefix(repoId))) {
    objectCount += 1;
    totalSizeBytes += size;
    oldest = Math.min(oldest, modifiedAt.getTime());
    newest = Math.max(newest, modifiedAt.getTime());
  }
  const time = (ms: number) => (objectCount === 0 ? null : new Date(ms).toISOString());
  return { objectCount, totalSizeBytes, oldestObjectAt: time(oldest), newestObjectAt: time(newest) };
}

/** The item of the contract: nested metadata, and flat copies of it for the dashboard. */
function item(found: {
  repoId: string;
  known?: KnownRepository;
  storageMetadata?: StorageMetadata;
  detectedAt: string;
}) {
  const { repoId, known, storageMetadata, detectedAt } = found;
  const createdAt = known?.createdAt.toISOString() ?? null;
  return {
    repoId,
    disconnectionType: known === undefined ? ('storage_only' as const) : ('db_only' as const),
    dbMetadata:
      known === undefined || createdAt === null
        ? null
        : { name: known.name, ownerId: known.ownerId, visibility: known.visibility, createdAt },
    storageMetadata: storageMetadata ?? null,
    detectedAt,
    name: known?.name ?? null,
    ownerName: known?.ownerName ?? null,
    createdAt,
    objectCount: storageMetadata?.objectCount ?? null,
    totalSizeBytes: storageMetadata?.totalSizeBytes ?? null,
  };
}

function rethrow(error: unknown): never {
  throw asDatabaseError(error);
}
