/**
 * What a reader may see of a repository: what its refs reach. Objects that merely exist, such as those of a deleted
 * branch, are as good as absent.
 *
 * Commits and tags are looked up in the graph. A tree or blob is proven by its pack where that is possible: all objects
 * received with a tight pack are reachable from the pack's tips. An object that a thin pack used as delta base was only
 * appended to it; such an object has been in an earlier pack before, so the oldest pack that has an object decides. Only
 * where that pack says nothing, the trees of all visible commits are walked.
 */
import { LRUCache } from 'lru-cache';
import { locateAll, type Snapshot, type StoredPack, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { type Oid, oidToBytes, packOids } from '../git/oid.js';
import type { Ref } from '../refs/index.js';

/** Verdicts of walks kept for one state of the refs, so that asking again for the same object costs nothing. */
const CACHED_VERDICTS = 100_000;

/** One per list of refs: the list is cached as long as the refs stay the same. */
const known = new WeakMap<readonly Ref[], Visible>();

export function visibleObjects(snapshot: Snapshot, refs: readonly Ref[]): Visible {
  const earlier = known.get(refs);
  if (earlier?.snapshot === snapshot) return earlier;
  const visible = new Visible(snapshot, refs);
  known.set(refs, visible);
  return visible;
}

export class Visible {
  /** Graph positions of the commits that refs point at, through tags too. */
  readonly tips: readonly number[];
  /** Values of refs, tags on the way, and what they mean in the end. */
  readonly #named = new Set<Oid>();
  /** What refs mean and is neither commit nor tag. */
  readonly #odd: Oid[] = [];
  readonly #walked = new LRUCache<Oid, boolean>({ max: CACHED_VERDICTS });
  #commits: Uint8Array | undefined;

  constructor(
    readonly snapshot: Snapshot,
    refs: readonly Ref[],
  ) {
    const { graph } = snapshot;
    const tips = new Set<number>();
    for (const ref of refs) {
      let oid = ref.oid;
      for (let tag = graph.tag(oid); tag !== undefined; tag = graph.tag(oid)) {
        this.#named.add(oid);
        oid = tag.target;
      }
      this.#named.add(oid);
      const commit = graph.indexOf(oid);
      if (commit >= 0) tips.add(commit);
      else this.#odd.push(oid);
    }
    this.tips = [...tips];
  }

  /** Whether refs reach the commit at a graph position. */
  hasCommit(index: number): boolean {
    if (this.#commits === undefined) {
      this.#commits = new Uint8Array(this.snapshot.graph.size);
      for (const commit of this.snapshot.graph.reachable(this.tips, [])) this.#commits[commit] = 1;
    }
    return this.#commits[index] === 1;
  }

  /** Which of the ids are visible objects, of any type. */
  async select(ctx: AppContext, oids: readonly Oid[]): Promise<Set<Oid>> {
    const seen = new Set(oids.filter((oid) => this.#isKnown(oid)));
    const open = oids.filter((oid) => !seen.has(oid) && this.snapshot.graph.indexOf(oid) < 0);
    const doubtful: Oid[] = [];
    for (const [oid, pack] of await this.#oldestPacks(ctx, open)) {
      if (this.#isWholly(pack)) seen.add(oid);
      else doubtful.push(oid);
    }
    const walk = doubtful.filter((oid) => !this.#walked.has(oid));
    if (walk.length > 0) await this.#walk(ctx, walk);
    for (const oid of doubtful) if (this.#walked.get(oid) === true) seen.add(oid);
    return seen;
  }

  #isKnown(oid: Oid): boolean {
    return this.#named.has(oid) || this.hasCommit(this.snapshot.graph.indexOf(oid));
  }

  /** Whether every object received with the pack is visible. */
  #isWholly(pack: StoredPack): boolean {
    return pack.tight && pack.tips.every((tip) => this.#isKnown(tip));
  }

  async #oldestPacks(ctx: AppContext, oids: readonly Oid[]): Promise<Map<Oid, StoredPack>> {
    const found = new Map<Oid, StoredPack>();
    const { packs } = this.snapshot;
    let open = oids.map((oid) => ({ oid, bytes: oidToBytes(oid) }));
    for (const pack of packs) {
      if (open.length === 0) break;
      const { idx } = await ctx.packCache.readSmall(pack.storedIn, pack.hash);
      open = open.filter(({ oid, bytes }) => {
        if (idx.find(bytes, 0) < 0) return true;
        found.set(oid, pack);
        return false;
      });
    }
    return found;
  }

  async #walk(ctx: AppContext, oids: readonly Oid[]): Promise<void> {
    const { snapshot } = this;
    const odd = await locateAll(ctx, snapshot, packOids(this.#odd));
    const trees = this.#odd.filter((_, i) => odd[i]?.type === 'tree');
    const commits = snapshot.graph.reachable(this.tips, []);
    const roots = Buffer.concat([packOids(trees), snapshot.graph.pack(commits, 'trees')]);
    const hashes = snapshot.packs.map((pack) => pack.hash);
    const met = await withPacks(ctx, snapshot, hashes, (packs) =>
      ctx.engine.findReachable({ packs, trees: roots, sought: packOids([...oids]) }),
    );
    oids.forEach((oid, i) => {
      this.#walked.set(oid, met[i] === 1);
    });
  }
}
