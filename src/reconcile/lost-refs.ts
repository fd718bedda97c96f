/** Finds refs that cannot be served because a pack is not in the object store. */
import type { Snapshot, StoredPack } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type Oid, oidToBytes } from '../git/oid.js';
import { forEachParallel } from '../parallel.js';
import type { Ref } from '../refs/index.js';
import { packKey } from '../storage/index.js';

const LANES = 16;

/** Answers whether pack and index are in the object store, asking once for each. */
export class StoredPacks {
  readonly #ctx: AppContext;
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(ctx: AppContext) {
    this.#ctx = ctx;
  }

  has({ storedIn, hash }: Pick<StoredPack, 'storedIn' | 'hash'>): Promise<boolean> {
    const name = `${storedIn}/${hash}`;
    let answer = this.#known.get(name);
    if (answer === undefined) {
      answer = this.#ask(storedIn, hash);
      this.#known.set(name, answer);
    }
    return answer;
  }

  async #ask(repoId: string, hash: string): Promise<boolean> {
    for (const extension of ['pack', 'idx'] as const)
      if ((await this.#ctx.objects.head(packKey(repoId, hash, extension))) === undefined) return false;
    return true;
  }
}

/** Packs of the snapshot that the object store does not have. */
export async function missingPacks(snapshot: Snapshot, stored: StoredPacks): Promise<StoredPack[]> {
  const missing: StoredPack[] = [];
  await forEachParallel(snapshot.packs, LANES, async (pack) => {
    if (!(await stored.has(pack))) missing.push(pack);
  });
  return missing;
}

/** Refs whose own object is in no pack of the object store. */
export async function refsWithoutObject(
  ctx: AppContext,
  snapshot: Snapshot,
  refs: readonly Ref[],
  stored: StoredPacks,
): Promise<Ref[]> {
  const lost: Ref[] = [];
  for (const ref of refs) if (!(await isHeld(ctx, snapshot, ref.oid, stored))) lost.push(ref);
  return lost;
}

/** Refs that reach a commit of a missing pack, or point at something in one; what else such a pack held has no name. */
export function refsThatReach(snapshot: Snapshot, refs: readonly Ref[], missing: readonly StoredPack[]): Ref[] {
  if (missing.length === 0) return [];
  const { graph } = snapshot;
  const lost = new Uint8Array(graph.size);
  const tips = new Set(missing.flatMap((pack) => pack.tips));
  for (const { commits } of missing) lost.fill(1, commits.from, commits.to);
  // Parents come before their children.
  for (let index = 0; index < graph.size; index++)
    if (graph.parents(index).some((parent) => parent < 0 || lost[parent] === 1)) lost[index] = 1;
  return refs.filter(({ oid, peeled = oid }) => {
    const index = graph.indexOf(peeled);
    return tips.has(oid) || (index >= 0 && lost[index] === 1);
  });
}

async function isHeld(ctx: AppContext, snapshot: Snapshot, oid: Oid, stored: StoredPacks): Promise<boolean> {
  const index = snapshot.graph.indexOf(oid);
  const likely = snapshot.packs.find(({ commits }) => index >= commits.from && index < commits.to);
  if (likely !== undefined && (await stored.has(likely))) return true;
  const bytes = oidToBytes(oid);
  for (const pack of snapshot.packs.toReversed()) {
    if (!(await stored.has(pack))) continue;
    try {
      const { idx } = await ctx.packCache.readSmall(pack.storedIn, pack.hash);
      if (idx.find(bytes, 0) >= 0) return true;
    } catch (error) {
      // An index that cannot be read holds nothing for anybody.
      if (!(error instanceof AppError) || !['S3_OBJECT_NOT_FOUND', 'OBJECT_CORRUPTED'].includes(error.code))
        throw error;
    }
  }
  return false;
}
