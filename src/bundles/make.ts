/** Makes bundles of repositories that have none or an outdated one. */
import { open } from 'node:fs/promises';
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { preparePack, resolveWants, streamPack } from '../fetch/index.js';
import { bundleHeader } from '../git/index.js';
import { type Oid, packOids } from '../git/oid.js';
import { listRefs } from '../refs/index.js';
import { findRepositoryById, type Repository } from '../repos/index.js';
import { bundleKey, CONTENT_TYPES } from '../storage/index.js';
import { type BundleTask, claimBundle, publishBundle } from './store.js';

/**
 * Makes bundles until no repository needs one, where the configuration asks for them.
 * @param stop ends the work after the bundle at hand
 * @returns how many were made
 */
export async function makeBundles(ctx: AppContext, stop: AbortSignal): Promise<number> {
  if (!ctx.config.GITCLAW_BUNDLE_URI) return 0;
  let made = 0;
  while (!stop.aborted) {
    const task = await claimBundle(ctx.db, ctx.config.GITCLAW_LINK_MIN_BYTES);
    if (task === undefined) break;
    try {
      if (await makeBundle(ctx, task)) made += 1;
    } catch (error) {
      // The claim stays until its lease is over, which keeps a repository that fails each time from taking all turns.
      ctx.log.warn({ ...task, err: error }, 'a bundle could not be made, will be tried again');
    }
  }
  return made;
}

async function makeBundle(ctx: AppContext, task: BundleTask): Promise<boolean> {
  const { repoId, bundleId } = task;
  const repo = await findRepositoryById(ctx.db, repoId);
  if (repo === undefined) return false;
  const key = bundleKey(repoId, bundleId);
  const path = ctx.spool.newFile('bundle');
  try {
    const { tips, bytes } = await writeBundle(ctx, repo, path);
    await ctx.objects.putFile(key, path, { contentType: CONTENT_TYPES.bundle });
    const { refsVersion } = repo;
    const published = await publishBundle(ctx.db, task, { refsVersion, tips: packOids(tips), bytes });
    if (published) ctx.log.info({ repoId, bundleId, bytes }, 'bundle made');
    else await ctx.objects.delete([key]);
    return published;
  } finally {
    await ctx.spool.remove(path);
  }
}

/** Writes branches and tags with all that they reach, which is what a clone gets. */
async function writeBundle(ctx: AppContext, repo: Repository, path: string): Promise<{ tips: Oid[]; bytes: number }> {
  const all = await listRefs(ctx, repo.repoId, repo.refsVersion);
  const refs = all.filter(({ name }) => /^refs\/(heads|tags)\//.test(name));
  const head = refs.find(({ name }) => name === `refs/heads/${repo.defaultBranch}`);
  const tips = [...new Set(refs.map(({ oid }) => oid))];
  const snapshot = await loadSnapshot(ctx, repo.repoId);
  const wants = await resolveWants(ctx, snapshot, refs, tips);
  const plain = { haves: [], includeTag: false, thin: false, ofsDelta: true };
  const pack = await preparePack(ctx, snapshot, { wants, refs, ...plain });
  try {
    const header = bundleHeader([...(head ? [{ name: 'HEAD', oid: head.oid }] : []), ...refs]);
    const file = await open(path, 'w');
    try {
      let written = file.appendFile(header);
      await streamPack(pack, 'none', {
        hand(block) {
          written = written.then(() => file.appendFile(block));
          return written;
        },
      });
    } finally {
      await file.close();
    }
    return { tips, bytes: header.length + pack.bytes };
  } finally {
    await pack.close();
  }
}
