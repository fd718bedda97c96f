/**
 * Puts a pack into the object store: pack, index and sidecar, and beside them the loose objects of a small one.
 *
 * Nobody sees any of it before the catalog row commits. A crash in between leaves files that only `staged_packs` names;
 * the clean-up job removes them after a day, loose objects too. They are not removed at once on failure: the same pack
 * may be on its way in another request, and files are named by content.
 */
import type { AppContext } from '../context.js';
import { whenQuiet } from '../foreground.js';
import { packOids } from '../git/oid.js';
import type { IndexResult, LooseObject, PackEngine } from '../packs/index.js';
import { forEachParallel, together } from '../parallel.js';
import { CONTENT_TYPES, looseKey, packKey } from '../storage/index.js';
import { stagePack } from './store.js';

/** Loose objects written at once; more only queues inside the driver. */
const LOOSE_LANES = 16;

/** The same for work that nobody waits for, when nobody is served and when somebody is. */
const BACKGROUND_LANES = { quiet: 32, serving: 4 };

/** How long a background write waits for its turn while somebody is served. */
const LONGEST_WAIT_MS = 1000;

export interface PackFiles {
  packPath: string;
  idxPath: string;
  metaPath: string;
}

/** A pack on its way into the store. */
export interface Storing {
  /**
   * Whether the files go to this machine's disk, all in one go, while no other pack's do: that takes no longer than a few
   * statements, and waits for nothing but {@link Storing.staged}.
   */
  isBrief: boolean;
  /** Resolves when nothing more is asked of the database. */
  staged: Promise<void>;
  done: Promise<void>;
}

export async function storePack(
  ctx: AppContext,
  repoId: string,
  pack: Pick<IndexResult, 'hash' | 'loose'>,
  files: PackFiles,
): Promise<void> {
  await beginStoring(ctx, repoId, pack, files).done;
}

/**
 * Begins to store; the files must stay until all is done. What fails comes with {@link Storing.done}: AppError
 * DATABASE_ERROR and those of the object store.
 */
export function beginStoring(
  ctx: AppContext,
  repoId: string,
  pack: Pick<IndexResult, 'hash' | 'loose'>,
  files: PackFiles,
): Storing {
  const put = (path: string, extension: 'pack' | 'idx' | 'meta') =>
    ctx.objects.putFile(packKey(repoId, pack.hash, extension), path, { contentType: CONTENT_TYPES[extension] });
  // Taking the row waits for a clean-up that may be deleting files of these names.
  const staged = stagePack(ctx.db, repoId, pack.hash, packOids(pack.loose.map(({ oid }) => oid)));
  const root = ctx.objects.localRoot();
  const isInPlace = root !== undefined && pack.loose.length > 0;
  const putAll = async () => {
    await staged;
    const parts = [put(files.packPath, 'pack'), put(files.idxPath, 'idx'), put(files.metaPath, 'meta')];
    await together(...parts, storeLoose(ctx, repoId, pack.loose));
  };
  const isBrief = isInPlace && !inPlace.has(ctx.engine);
  const done = isInPlace ? storeInPlace(ctx, root, repoId, pack, files, staged) : putAll();
  // Whoever waits for the end gets the error; until then nobody may.
  for (const part of [staged, done]) part.catch(() => {});
  return { isBrief, staged, done };
}

/** How many packs an engine is storing in place; engines that store none are not in it. */
const inPlace = new WeakMap<PackEngine, number>();

/** Small files on this machine's disk: all in one go, as a trip to another thread for each costs more than the write. */
async function storeInPlace(
  ctx: AppContext,
  root: string,
  repoId: string,
  { hash, loose }: Pick<IndexResult, 'hash' | 'loose'>,
  { packPath, idxPath, metaPath }: PackFiles,
  staged: Promise<void>,
): Promise<void> {
  const packFiles = [
    { key: packKey(repoId, hash, 'pack'), path: packPath },
    { key: packKey(repoId, hash, 'idx'), path: idxPath },
    { key: packKey(repoId, hash, 'meta'), path: metaPath },
  ];
  const bodies = loose.map(({ oid, body }) => ({ key: looseKey(repoId, oid), body }));
  const { engine } = ctx;
  inPlace.set(engine, (inPlace.get(engine) ?? 0) + 1);
  try {
    await engine.store({ root, files: packFiles, bodies }, staged);
  } finally {
    const others = (inPlace.get(engine) ?? 1) - 1;
    if (others > 0) inPlace.set(engine, others);
    else inPlace.delete(engine);
  }
}

/** Stores objects in git's loose format, several at a time. Bodies that came as files are deleted then. */
export async function storeLoose(ctx: AppContext, repoId: string, objects: readonly LooseObject[]): Promise<void> {
  try {
    await forEachParallel(objects, LOOSE_LANES, (object) => putLoose(ctx, repoId, object));
  } finally {
    await removeBodies(ctx, objects);
  }
}

/** The same for a job: with more at once while nobody is served, and with few while somebody is. */
export async function storeLooseInBackground(
  ctx: AppContext,
  repoId: string,
  objects: readonly LooseObject[],
): Promise<void> {
  let running = 0;
  try {
    await forEachParallel(objects, BACKGROUND_LANES.quiet, async (object) => {
      if (running >= BACKGROUND_LANES.serving) await whenQuiet(ctx, LONGEST_WAIT_MS);
      running += 1;
      try {
        await putLoose(ctx, repoId, object);
      } finally {
        running -= 1;
      }
    });
  } finally {
    await removeBodies(ctx, objects);
  }
}

/** Deletes the bodies that came as files. */
export async function removeBodies(ctx: AppContext, objects: readonly LooseObject[]): Promise<void> {
  await ctx.spool.remove(...objects.flatMap(({ bodyPath }) => bodyPath ?? []));
}

async function putLoose(
  ctx: AppContext,
  repoId: string,
  { oid, type, size, body, bodyPath }: LooseObject,
): Promise<void> {
  const key = looseKey(repoId, oid);
  const metadata = { 'x-git-object-type': type, 'x-git-object-size': String(size) };
  const options = { contentType: CONTENT_TYPES.loose, metadata };
  await (bodyPath === undefined ? ctx.objects.put(key, body, options) : ctx.objects.putFile(key, bodyPath, options));
}
