/**
 * Random steps on repositories with real pushes, against a model that knows what must be there: compaction, collection,
 * forks, pushes that are under way and fetches with old snapshots in every order.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSnapshot, locateAll, pinAll, type Snapshot } from '../../src/catalog/index.js';
import { packOids } from '../../src/git/oid.js';
import { collectGarbage, compactPacks, removeRetiredPacks } from '../../src/jobs/index.js';
import { createMetrics } from '../../src/metrics.js';
import { PackCache } from '../../src/packs/index.js';
import { createMemoryStore, looseKey } from '../../src/storage/index.js';
import { signedRequest } from '../support/http.js';
import { JsonPusher, ZERO } from '../support/json-push.js';
import { ObjectModel } from '../support/pack-model.js';
import { seeded } from '../support/random-packs.js';

const LONG = process.env.GITCLAW_LONG_TESTS === '1';
const SEEDS = LONG ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [1, 2];
const STEPS = LONG ? 2000 : 150;

const HOUR = 3600;
const GRACE = 1 * HOUR;
const CONFIG = {
  GITCLAW_PACK_GRACE_SECS: String(GRACE),
  GITCLAW_GC_AFTER_SECS: String(2 * HOUR),
  GITCLAW_GC_GRACE_SECS: String(5 * HOUR),
};
const never = new AbortController().signal;

interface Repo {
  repoId: string;
  name: string;
  cloneUrl: string;
  isFork: boolean;
  refs: Map<string, string>;
}

/** A fetch that has its snapshot and has not read anything yet. */
interface Fetch {
  snapshot: Snapshot;
  wanted: Set<string>;
  /** Model time, seconds. */
  began: number;
}

class World {
  readonly #random;
  readonly #model;
  readonly #repos: Repo[] = [];
  readonly #fetches: Fetch[] = [];
  readonly #flights = new Set<Promise<void>>();
  /** Of pushes that were under way. */
  readonly #failures: unknown[] = [];
  readonly counts: Record<string, number> = {};
  #landings: (() => void)[] = [];
  #holdNext = '';
  #now = 0;

  constructor(
    readonly pusher: JsonPusher,
    seed: number,
  ) {
    this.#random = seeded(seed);
    this.#model = new ObjectModel(this.#random);
    const ctx = pusher.app.ctx as { faultPoint: (point: string) => Promise<void> };
    ctx.faultPoint = async (point) => {
      if (point !== this.#holdNext) return;
      this.#holdNext = '';
      await new Promise<void>((resolve) => this.#landings.push(resolve));
    };
  }

  get #ctx() {
    return this.pusher.app.ctx;
  }

  async begin(): Promise<void> {
    await this.pusher.newRepository();
    this.#repos.push({ ...this.pusher.repo, isFork: false, refs: new Map() });
    await this.#push(this.#repos[0]!, 'refs/heads/main', this.#model.commit([]));
  }

  async step(): Promise<void> {
    const repo = this.#pick(this.#repos)!;
    const steps: [number, string, () => Promise<unknown>][] = [
      [30, 'commit', () => this.#advance(repo)],
      [5, 'rewrite', () => this.#push(repo, this.#pickRef(repo), this.#model.commit([]))],
      [5, 'delete', () => this.#delete(repo)],
      [4, 'tag', () => this.#push(repo, `refs/tags/t${this.#random(4)}`, this.#model.tag(this.#pickCommit(repo)))],
      [4, 'name an old commit', () => this.#resurrect(repo, false)],
      [4, 'build on an old commit', () => this.#resurrect(repo, true)],
      [1, 'fork', () => this.#fork(repo)],
      [8, 'push that stays under way', () => this.#takeOff(repo)],
      [6, 'landing', () => this.#land()],
      [6, 'fetch begins', () => this.#beginFetch(repo)],
      [8, 'fetch ends', () => this.#endFetch()],
      [8, 'compaction', () => this.#compact()],
      [6, 'collection', () => this.#collect()],
      [6, 'removal', () => removeRetiredPacks(this.#ctx, never)],
      [6, 'time passes', () => this.#passTime((1 + this.#random(5)) * 0.4 * HOUR)],
    ];
    let at = this.#random(steps.reduce((sum, [weight]) => sum + weight, 0));
    const [, name, run] = steps.find(([weight]) => {
      at -= weight;
      return at < 0;
    })!;
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    await run();
  }

  /** Every object that a ref reaches is in a pack that new requests read. */
  async check(): Promise<void> {
    expect(this.#failures).toEqual([]);
    for (const { repoId, refs } of this.#repos) {
      const snapshot = await loadSnapshot(this.#ctx, repoId);
      const needed = [...this.#model.reach(refs.values())];
      const found = await locateAll(this.#ctx, snapshot, packOids(needed));
      expect(needed.filter((_, i) => found[i] === undefined)).toEqual([]);
    }
  }

  /** Ends everything, lets all time pass, and compares what is left with what should be. */
  async end(): Promise<void> {
    while (this.#landings.length > 0) await this.#land();
    await Promise.all(this.#flights);
    while (this.#fetches.length > 0) await this.#endFetch();
    for (let round = 0; round < 3; round++) {
      await this.#compact();
      await this.#passTime(24 * HOUR);
      await this.#collect();
      await removeRetiredPacks(this.#ctx, never);
    }
    await this.check();
    for (const repo of this.#repos) {
      this.pusher.repo = repo;
      await this.pusher.clone('--mirror');
      const { packs } = await loadSnapshot(this.#ctx, repo.repoId);
      const dangling = await pinAll(this.#ctx, packs, (pinned) =>
        this.#ctx.engine.findDangling({ packs: pinned, among: [] }),
      );
      expect(dangling).toBeUndefined();
      await this.#compareStorage(repo);
    }
  }

  /** What is in own packs is stored loose. Where no packs are shared, exactly what refs reach is there. */
  async #compareStorage({ repoId, refs, isFork }: Repo): Promise<void> {
    const { packs } = await loadSnapshot(this.#ctx, repoId);
    const own = new Set<string>();
    for (const { hash, storedIn } of packs) {
      if (storedIn !== repoId) continue;
      const { idx } = await this.#ctx.packCache.readSmall(storedIn, hash);
      for (let i = 0; i < idx.count; i++) own.add(idx.oid(i));
    }
    for (const oid of own) expect(await this.#ctx.objects.head(looseKey(repoId, oid)), oid).toBeDefined();
    const isShared = this.#repos.some(({ isFork: other }) => other) || isFork;
    if (isShared) return;
    const reached = this.#model.reach(refs.values());
    expect([...own].sort()).toEqual([...reached].sort());
    for (const oid of this.#model.objects.keys()) {
      const isThere = (await this.#ctx.objects.head(looseKey(repoId, oid))) !== undefined;
      expect(isThere && !reached.has(oid), oid).toBe(false);
    }
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random(Math.max(1, list.length))];
  }

  #pickRef(repo: Repo): string {
    return this.#random(3) === 0 ? 'refs/heads/main' : (this.#pick([...repo.refs.keys()]) ?? 'refs/heads/main');
  }

  #pickCommit(repo: Repo): string {
    const commits = [...this.#model.reach(repo.refs.values())].filter(
      (oid) => this.#model.objects.get(oid)!.type === 'commit',
    );
    return this.#pick(commits)!;
  }

  async #advance(repo: Repo): Promise<void> {
    const isNew = this.#random(4) === 0;
    const name = isNew ? `refs/heads/b${this.#random(6)}` : this.#pickRef(repo);
    const target = name.startsWith('refs/tags/') ? 'refs/heads/main' : name;
    const parents = [repo.refs.get(target), this.#random(4) === 0 ? this.#pickCommit(repo) : undefined];
    await this.#push(repo, target, this.#model.commit([...new Set(parents.filter((oid) => oid !== undefined))]));
  }

  async #delete(repo: Repo): Promise<void> {
    const name = this.#pick([...repo.refs.keys()].filter((ref) => ref !== 'refs/heads/main'));
    if (name !== undefined) await this.#push(repo, name, ZERO);
  }

  /** Pushes without what the client thinks is there: whatever the answer, nothing may be missing behind a ref. */
  async #resurrect(repo: Repo, build: boolean): Promise<void> {
    const old = this.#pick([...this.#model.objects].filter(([, { type }]) => type === 'commit'))![0];
    const oid = build ? this.#model.commit([old]) : old;
    await this.#push(repo, `refs/heads/old${this.#random(3)}`, oid, this.#model.reach([old]));
  }

  /** Pushes what `has` lacks; default: what the refs do not reach. */
  async #push(repo: Repo, refName: string, newOid: string, has?: Set<string>): Promise<boolean> {
    const oldOid = repo.refs.get(refName) ?? ZERO;
    const known = has ?? this.#model.reach(repo.refs.values());
    const pack = newOid === ZERO ? null : this.#model.pack(this.#model.reach([newOid], known));
    this.pusher.repo = repo;
    const { status, text } = await this.pusher.push(pack, [{ refName, oldOid, newOid, force: true }]);
    expect([200, 400, 409], text).toContain(status);
    // A client that names only what refs reach is never refused for want of objects.
    if (has === undefined && status === 400) expect(text).toBe('');
    if (status !== 200) return false;
    if (newOid === ZERO) repo.refs.delete(refName);
    else repo.refs.set(refName, newOid);
    return true;
  }

  async #fork(repo: Repo): Promise<void> {
    if (this.#repos.length > 2) return;
    const body = { name: `fork${this.#repos.length}` };
    const asked = { action: 'repo_fork', body };
    const { app, owner } = this.pusher;
    const { json } = await signedRequest(app, owner, 'POST', `/v1/repos/${repo.repoId}/fork`, asked);
    this.#repos.push({ ...json.data, isFork: true, refs: new Map(repo.refs) });
  }

  /** A push that stops at a random place until {@link #land}. What it may rely on is what refs reach now. */
  async #takeOff(repo: Repo): Promise<void> {
    if (this.#landings.length > 2 || this.#holdNext !== '') return;
    const points = ['push.pack-received', 'push.pack-indexed', 'push.pack-stored', 'push.before-commit'];
    const began = this.#landings.length;
    const known = this.#model.reach(repo.refs.values());
    const oid = this.#model.commit([this.#pickCommit(repo)]);
    this.#holdNext = this.#pick(points)!;
    const flight: Promise<void> = this.#push(repo, `refs/heads/flight${this.#random(1000)}`, oid, known)
      .then(
        () => {},
        (error: unknown) => {
          this.#failures.push(error);
        },
      )
      .finally(() => this.#flights.delete(flight));
    this.#flights.add(flight);
    while (this.#landings.length === began && this.#flights.has(flight)) await new Promise((go) => setTimeout(go, 2));
    this.#holdNext = '';
  }

  async #land(): Promise<void> {
    const before = [...this.#flights];
    this.#landings.shift()?.();
    if (before.length > 0) await Promise.race(before);
  }

  async #beginFetch(repo: Repo): Promise<void> {
    if (this.#fetches.length > 3) return;
    const snapshot = await loadSnapshot(this.#ctx, repo.repoId);
    this.#fetches.push({ snapshot, wanted: this.#model.reach(repo.refs.values()), began: this.#now });
  }

  async #endFetch(): Promise<void> {
    const fetch = this.#fetches.shift();
    // A fetch that takes longer than the grace time is on its own.
    if (fetch === undefined || this.#now - fetch.began >= GRACE) return;
    const held = new Set<string>();
    await pinAll(this.#ctx, fetch.snapshot.packs, async (packs) => {
      for (const { hash } of packs) {
        const { storedIn } = fetch.snapshot.packs.find((pack) => pack.hash === hash)!;
        const { idx } = await this.#ctx.packCache.readSmall(storedIn, hash);
        for (let i = 0; i < idx.count; i++) held.add(idx.oid(i));
      }
    });
    expect([...fetch.wanted].filter((oid) => !held.has(oid))).toEqual([]);
  }

  async #compact(): Promise<void> {
    const { sql } = this.#ctx.db;
    if (this.#random(2) === 0) await sql`UPDATE pack_maintenance SET changed_at = now() - interval '1 minute'`;
    await sql`UPDATE pack_maintenance SET locked_until = NULL`;
    await compactPacks(this.#ctx, never);
  }

  async #collect(): Promise<void> {
    await this.#ctx.db.sql`UPDATE pack_maintenance SET locked_until = NULL`;
    await collectGarbage(this.#ctx, never);
  }

  async #passTime(secs: number): Promise<void> {
    const { sql } = this.#ctx.db;
    this.#now += secs;
    await sql`UPDATE packs SET retired_at = retired_at - make_interval(secs => ${secs}) WHERE retired_at IS NOT NULL`;
    await sql`UPDATE former_tips SET left_at = left_at - make_interval(secs => ${secs})`;
  }
}

describe('compaction and collection against a model', () => {
  test.each(SEEDS)(
    `${STEPS} random steps, seed %i`,
    async (seed) => {
      const folder = await mkdtemp(join(tmpdir(), 'gitclaw-model-'));
      const objects = createMemoryStore();
      const cache = { store: objects, dir: join(folder, 'packs'), maxBytes: 16 * 1024 * 1024, persistent: false };
      const packCache = await PackCache.open({ ...cache, metrics: createMetrics() });
      const pusher = await JsonPusher.start(CONFIG, { objects, packCache });
      try {
        const world = new World(pusher, seed);
        await world.begin();
        for (let step = 0; step < STEPS; step++) {
          await world.step();
          if (step % 10 === 0) await world.check();
        }
        await world.end();
        const troubles = pusher.app.logs.filter(({ level }) => Number(level) >= 40);
        expect(troubles).toEqual([]);
        expect(Object.keys(world.counts).length).toBeGreaterThan(12);
      } finally {
        await pusher.stop();
        await packCache.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    LONG ? 3_600_000 : 120_000,
  );
});
