/** A repository whose packs are merged and collected by hand, with time that passes when the test says so. */
import { existsSync } from 'node:fs';
import { collectGarbage, compactPacks, removeRetiredPacks } from '../../src/jobs/index.js';
import { JsonPusher, MAIN, ZERO } from './json-push.js';

const never = new AbortController().signal;

export class PackScene {
  readonly pusher: JsonPusher;
  /** What each ref was last pushed to. */
  readonly refs = new Map<string, string>();

  private constructor(pusher: JsonPusher) {
    this.pusher = pusher;
  }

  /** Former tips are old at once; the time of retired packs is over when {@link passTime} says so. */
  static async start(): Promise<PackScene> {
    const graces = { GITCLAW_PACK_GRACE_SECS: '3600', GITCLAW_GC_AFTER_SECS: '0', GITCLAW_GC_GRACE_SECS: '3600' };
    return new PackScene(await JsonPusher.start(graces));
  }

  get ctx() {
    return this.pusher.app.ctx;
  }

  get repoId(): string {
    return this.pusher.repo.repoId;
  }

  async newRepository(): Promise<void> {
    await this.pusher.newRepository();
    this.refs.clear();
    // Earlier repositories are none of this test's business.
    await this.ctx.db.sql`DELETE FROM former_tips`;
    await this.ctx.db.sql`UPDATE packs SET retired_at = now() WHERE retired_at IS NOT NULL`;
    await this.ctx.db.sql`DELETE FROM pack_maintenance`;
  }

  /** Moves a ref with the pack that it needs, thin against `not`. @returns the answer's status */
  async push(oid: string, refName = MAIN, not: readonly string[] = [...this.refs.values()]): Promise<number> {
    const oldOid = this.refs.get(refName) ?? ZERO;
    const pack = oid === ZERO ? null : await this.pusher.packOf(oid, ...not.map((known) => `^${known}`));
    const { status } = await this.pusher.push(pack, [{ refName, oldOid, newOid: oid, force: true }]);
    if (status !== 200) return status;
    if (oid === ZERO) this.refs.delete(refName);
    else this.refs.set(refName, oid);
    return status;
  }

  /** Pushes `count` commits, one by one. @returns the last */
  async grow(count: number, refName = MAIN): Promise<string> {
    let oid = '';
    for (let i = 0; i < count; i++) {
      oid = await this.pusher.commit(`${refName} ${i} ${Math.random()}\n`.repeat(20));
      const status = await this.push(oid, refName);
      if (status !== 200) throw new Error(`a push was answered with ${status}`);
    }
    return oid;
  }

  /** Compaction as it is when nobody pushes for a while. @returns how many merges were made */
  async compact(): Promise<number> {
    await this.ctx.db.sql`UPDATE pack_maintenance SET changed_at = now() - interval '1 minute', locked_until = NULL`;
    return compactPacks(this.ctx, never);
  }

  compactBusy(): Promise<number> {
    return compactPacks(this.ctx, never);
  }

  async collect(): Promise<number> {
    await this.ctx.db.sql`UPDATE pack_maintenance SET locked_until = NULL`;
    return collectGarbage(this.ctx, never);
  }

  retire(): Promise<number> {
    return removeRetiredPacks(this.ctx, never);
  }

  /** Lets the waiting time of everything retired end. */
  async passTime(): Promise<void> {
    await this.ctx.db.sql`
      UPDATE packs SET retired_at = retired_at - interval '2 hours' WHERE repo_id = ${this.repoId} AND retired_at IS NOT NULL`;
  }

  async states(repoId = this.repoId): Promise<Record<string, number>> {
    const rows = await this.ctx.db.sql<{ state: string; count: number }[]>`
      SELECT state, count(*)::int AS count FROM packs WHERE repo_id = ${repoId} GROUP BY state`;
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  /** Clones everything and lets git check it. @returns the ids of the objects */
  async mirror(): Promise<string[]> {
    const cwd = await this.pusher.clone('--mirror');
    const args = ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'];
    const { stdout } = await this.pusher.sandbox.git(args, { cwd });
    return stdout.split('\n').filter(Boolean).sort();
  }

  stored(key: string): boolean {
    return existsSync(this.ctx.objects.localPath(key)!);
  }
}
