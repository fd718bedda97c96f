import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RepositoryView } from '../../src/client/index.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';

/** Longest time the background may take to move or remove what a deletion left. */
const BACKGROUND_MS = 60_000;

/** A story is a few dozen git commands and two waits for the background. */
const STORY_MS = 4 * BACKGROUND_MS;

describe.each(deployments)('forks and deletion: $name', { timeout: STORY_MS }, (kind) => {
  let deployment: Deployment;
  let owner: TestAgent;
  let forker: TestAgent;
  let work: string;

  beforeAll(async () => {
    deployment = await kind.start();
    owner = await TestAgent.setup(deployment.url, 'owner');
    forker = await TestAgent.setup(deployment.url, 'forker');
    work = owner.sandbox.path('work');
    await owner.sandbox.seedHistory({ dir: work, seed: 21, commits: 150, merges: 5 });
  });

  afterAll(async () => {
    for (const agent of [owner, forker]) agent?.dispose();
    await deployment?.stop();
  });

  /** A repository of the owner's with the whole history in three packs, one of which is large enough for the unpack job. */
  const newSource = async (visibility: 'public' | 'private' = 'public') => {
    const source = await owner.createRepo(`source-${randomUUID().slice(0, 8)}`, visibility);
    await owner.git(['push', '-q', '--mirror', source.cloneUrl], { cwd: work });
    for (let i = 0; i < 2; i++) await commit(owner, work, source.cloneUrl);
    return source;
  };
  const commit = async (agent: TestAgent, dir: string, url: string) => {
    appendFileSync(join(dir, 'forks.txt'), `${randomUUID()}\n`);
    await agent.git(['add', '-A'], { cwd: dir });
    await agent.git(['commit', '-q', '-m', 'change'], { cwd: dir });
    await agent.git(['push', '-q', url, 'HEAD:main'], { cwd: dir });
  };
  const fork = (agent: TestAgent, repoId: string, body: { name?: string } = {}) =>
    agent.client.request<RepositoryView>('POST', `/v1/repos/${repoId}/fork`, {
      action: 'repo_fork',
      body: { repoId, name: body.name ?? `fork-${randomUUID().slice(0, 8)}` },
    });
  const remove = (agent: TestAgent, repoId: string) =>
    agent.client.request('DELETE', `/v1/repos/${repoId}`, { action: 'repo_delete', body: { repoId } });
  /** Deletes once the unpack job lets go of the repository. */
  const removeWhenIdle = async (agent: TestAgent, repoId: string) => {
    for (const end = Date.now() + BACKGROUND_MS; ; await sleep(250)) {
      const outcome = await remove(agent, repoId).then(
        () => 'deleted',
        (error: { code?: string }) => error.code,
      );
      if (outcome === 'deleted') return;
      if (outcome !== 'MIGRATION_IN_PROGRESS' || Date.now() > end) throw new Error(`deletion answered ${outcome}`);
    }
  };
  /** Clones everything, checks it and returns its refs. */
  const cloned = async (agent: TestAgent, url: string) => {
    const dir = agent.sandbox.path(`clone-${randomUUID()}`);
    await agent.git(['clone', '-q', '--mirror', url, dir]);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: dir })).stdout).toBe('');
    return Object.fromEntries(await agent.sandbox.refs(dir));
  };
  const keys = async (repoId: string) => {
    const store = await deployment.openObjects();
    const found: string[] = [];
    for await (const { key } of store.list(`${repoId}/`)) found.push(key);
    await store.close();
    return found;
  };
  const packs = async (repoId: string) => (await keys(repoId)).filter((key) => key.endsWith('.pack'));
  const until = async (done: () => Promise<boolean>) => {
    for (const end = Date.now() + BACKGROUND_MS; !(await done()); await sleep(250)) {
      if (Date.now() > end) throw new Error(`not done within ${BACKGROUND_MS} ms`);
    }
  };

  test('a fork has the same refs and no files of its own, and both sides go on alone', async () => {
    const source = await newSource();
    const mine = await fork(forker, source.repoId);
    const before = await cloned(owner, source.cloneUrl);
    expect(await cloned(forker, mine.cloneUrl)).toEqual(before);
    expect(await keys(mine.repoId)).toEqual([]);

    const dir = forker.sandbox.path(`own-${randomUUID()}`);
    await forker.git(['clone', '-q', mine.cloneUrl, dir]);
    await commit(forker, dir, mine.cloneUrl);
    await commit(owner, work, source.cloneUrl);
    const [left, right] = [await cloned(owner, source.cloneUrl), await cloned(forker, mine.cloneUrl)];
    expect(new Set([before['refs/heads/main'], left['refs/heads/main'], right['refs/heads/main']]).size).toBe(3);
    // A fetch of what the other side pushed is not answered: objects are shared, refs are not.
    const foreign = await forker.git(['fetch', mine.cloneUrl, left['refs/heads/main']!], { cwd: dir, ok: false });
    expect(foreign.stderr).toContain('not our ref');
    await expect(
      forker.git(['push', source.cloneUrl, 'HEAD:refs/heads/x'], { cwd: dir, ok: false }),
    ).resolves.toMatchObject({ code: 128 });
  });

  test('the source is deleted: forks and forks of forks keep everything', async () => {
    const source = await newSource();
    const first = await fork(forker, source.repoId);
    const dir = forker.sandbox.path(`first-${randomUUID()}`);
    await forker.git(['clone', '-q', first.cloneUrl, dir]);
    await commit(forker, dir, first.cloneUrl);
    const second = await fork(owner, first.repoId);
    const wanted = await cloned(owner, second.cloneUrl);

    await removeWhenIdle(owner, source.repoId);
    const gone = await owner.git(['ls-remote', source.cloneUrl], { ok: false });
    expect(gone.code).not.toBe(0);
    expect(await cloned(forker, first.cloneUrl)).toEqual(wanted);
    // What was shared arrives at the oldest fork beside its own pack, and is unpacked there: three packs, or one when a
    // job merged them before the fork was made.
    await until(async () => (await packs(first.repoId)).length >= 2);
    expect(await cloned(forker, first.cloneUrl)).toEqual(wanted);
    expect(await cloned(owner, second.cloneUrl)).toEqual(wanted);
    await until(async () => {
      const loose = (await keys(first.repoId)).filter((key) => /\/objects\/[0-9a-f]{2}\//.test(key));
      return loose.length >= 150;
    });

    await removeWhenIdle(forker, first.repoId);
    await until(async () => (await packs(second.repoId)).length >= 1);
    expect(await cloned(owner, second.cloneUrl)).toEqual(wanted);
    await owner.git(['push', '-q', second.cloneUrl, `${wanted['refs/heads/main']}:refs/heads/again`], {
      cwd: await mirror(owner, second.cloneUrl),
    });
  });

  const mirror = async (agent: TestAgent, url: string) => {
    const dir = agent.sandbox.path(`mirror-${randomUUID()}`);
    await agent.git(['clone', '-q', '--mirror', url, dir]);
    return dir;
  };

  test('a repository without forks goes with all its objects, and its name is free again', async () => {
    const source = await newSource();
    const other = await newSource();
    await cloned(owner, source.cloneUrl);
    expect((await keys(source.repoId)).length).toBeGreaterThan(0);
    await removeWhenIdle(owner, source.repoId);
    for (const url of [source.cloneUrl, `${deployment.url}/v1/repos/${source.repoId}`]) {
      for (let node = 0; node < 4; node++) {
        expect((await owner.git(['ls-remote', url], { ok: false })).code).not.toBe(0);
      }
    }
    await until(async () => (await keys(source.repoId)).length === 0);
    const again = await owner.createRepo(source.name);
    expect(await owner.remoteRefs(again.cloneUrl)).toEqual(new Map());
    await owner.git(['push', '-q', '--mirror', again.cloneUrl], { cwd: work });
    expect(await cloned(owner, again.cloneUrl)).toEqual(await cloned(owner, other.cloneUrl));
  });

  test('forks made while pushes come in are whole', async () => {
    const { repoId, cloneUrl } = await newSource();
    const stop = new AbortController();
    const pushing = (async () => {
      const dir = await mirror(owner, cloneUrl);
      const tree = (await owner.git(['rev-parse', 'main^{tree}'], { cwd: dir })).stdout.trim();
      for (let i = 0; !stop.signal.aborted; i++) {
        const made = await owner.git(['commit-tree', tree, '-p', 'main', '-m', `push ${i}`], { cwd: dir });
        await owner.git(['update-ref', 'refs/heads/main', made.stdout.trim()], { cwd: dir });
        await owner.git(['push', '-q', cloneUrl, 'main', `main:refs/heads/at-${i}`], { cwd: dir });
      }
    })();
    const forks: RepositoryView[] = [];
    for (let i = 0; i < 8; i++) forks.push(await fork(forker, repoId));
    stop.abort();
    await pushing;
    for (const { cloneUrl: url } of forks) {
      const refs = await cloned(forker, url);
      const last = Object.keys(refs).filter((name) => name.startsWith('refs/heads/at-')).length - 1;
      if (last >= 0) expect(refs['refs/heads/main']).toBe(refs[`refs/heads/at-${last}`]);
    }
  });

  test('a private repository is forked by its readers only, and the fork is hidden too', async () => {
    const source = await newSource('private');
    await expect(fork(forker, source.repoId)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    await owner.client.grantAccess(source.repoId, forker.agentId, 'read');
    const mine = await fork(forker, source.repoId);
    expect(await cloned(forker, mine.cloneUrl)).toEqual(await cloned(owner, source.cloneUrl));
    expect((await owner.git(['ls-remote', mine.cloneUrl], { ok: false })).code).not.toBe(0);
  });

  test('a push that was on its way while the repository was deleted is refused', async () => {
    const { repoId, cloneUrl } = await newSource();
    const pushes = Promise.all(
      Array.from({ length: 4 }, async (_, i) => {
        const dir = owner.sandbox.path(`late-${randomUUID()}`);
        await owner.git(['clone', '-q', cloneUrl, dir]);
        appendFileSync(join(dir, 'late.txt'), `${i}\n`);
        await owner.git(['add', '-A'], { cwd: dir });
        await owner.git(['commit', '-q', '-m', 'late'], { cwd: dir });
        return () => owner.git(['push', cloneUrl, `HEAD:late-${i}`], { cwd: dir, ok: false });
      }),
    );
    const ready = await pushes;
    const [results] = await Promise.all([Promise.all(ready.map((push) => push())), removeWhenIdle(owner, repoId)]);
    // Told in the report, or by HTTP 404 when the deletion came before the request.
    for (const { code, stderr } of results.filter((result) => result.code !== 0)) {
      expect([code, stderr]).toEqual([
        expect.any(Number),
        expect.not.stringMatching(/DATABASE_ERROR|INTERNAL_ERROR|HTTP 5\d\d/),
      ]);
    }
    expect((await owner.git(['ls-remote', cloneUrl], { ok: false })).code).not.toBe(0);
  });
});
