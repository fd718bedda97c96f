import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import { newAgent, type TestAgent, type TestApp } from '../../test/support/http.js';
import { PullBench } from '../../test/support/pulls.js';
import { auditLog, eventOutbox } from '../db/index.js';

let app: TestApp;
let author: TestAgent;
let owner: TestAgent;
let bench: PullBench;

beforeAll(async () => {
  app = await startGitApp();
  [owner, author] = await Promise.all([newAgent(app), newAgent(app)]);
});
beforeEach(async () => {
  bench?.dispose();
  bench = await PullBench.start(app, { owner });
});
afterAll(async () => {
  bench?.dispose();
  await app?.close();
});

/** Head of a pull request by the API and by its ref, which must agree. */
async function headOf(prId: string): Promise<string> {
  const { headOid, number } = (await bench.get(prId)).json.data;
  expect(await bench.remote(`refs/pull/${number}/head`)).toBe(headOid);
  return headOid;
}

/** Topics of the newest event of an action in the repository. */
async function topics(action: string): Promise<string[]> {
  const rows = await app.ctx.db.orm
    .select()
    .from(auditLog)
    .where(eq(auditLog.chainId, bench.repoId))
    .orderBy(auditLog.seq);
  const event = rows.findLast((row) => row.action === action);
  const outbox = await app.ctx.db.orm
    .select()
    .from(eventOutbox)
    .where(eq(eventOutbox.auditEventId, event?.eventId ?? ''));
  return outbox.map((row) => row.topic).sort();
}

describe('a pull request and its branch', () => {
  it('follows pushes, forced ones too, as long as it is open', async () => {
    const first = await bench.branch('side', { side: '1\n' });
    const [open, closed, elsewhere] = [
      await bench.opened(author, 'side'),
      await bench.opened(author, 'side'),
      await bench.opened(author, 'main'),
    ];
    await bench.close(author, closed);
    const second = await bench.commit({ side: '2\n' });
    await bench.push('side');
    expect([await headOf(open), await headOf(closed)]).toEqual([second, first]);
    await bench.git('reset', '-q', '--hard', 'main');
    const third = await bench.commit({ other: '3\n' });
    await bench.push('side');
    expect([await headOf(open), await headOf(closed)]).toEqual([third, first]);
    expect(await headOf(elsewhere)).toBe(await bench.git('rev-parse', 'main'));
    expect((await bench.get(open)).json.data.diffStats).toEqual({ filesChanged: 1, insertions: 1, deletions: 0 });
  });

  it('stays open when its branch goes, and follows it when it comes back', async () => {
    const head = await bench.branch('side', { side: '1\n' });
    const prId = await bench.opened(author, 'side');
    await bench.push(':side');
    expect((await bench.get(prId)).json.data).toMatchObject({
      status: 'open',
      mergeable: false,
      diffStats: { filesChanged: 1, insertions: 1, deletions: 0 },
    });
    expect(await headOf(prId)).toBe(head);
    const next = await bench.commit({ side: '2\n' });
    await bench.push('side');
    expect(await headOf(prId)).toBe(next);
    expect((await bench.get(prId)).json.data.mergeable).toBe(true);
  });

  it('follows a merge into its branch', async () => {
    await bench.branch('base', { base: '1\n' });
    await bench.branch('top', { top: '1\n' }, 'base');
    const stacked = await bench.opened(author, 'base');
    const prId = await bench.opened(author, 'top', 'base');
    await bench.review(await newAgent(app), prId, 'approve');
    const { mergeCommitOid } = (await bench.merge(owner, prId)).json.data;
    expect(await headOf(stacked)).toBe(mergeCommitOid);
  });

  it('follows whatever is pushed while it is opened', async () => {
    await bench.branch('side', { side: '0\n' });
    const heads: string[] = [];
    for (let i = 1; i <= 4; i++) heads.push(await bench.commit({ side: `${i}\n` }));
    for (const head of heads) {
      const [answer] = await Promise.all([bench.open(author, 'side'), bench.push(`${head}:refs/heads/side`)]);
      expect(answer.status).toBe(201);
      expect(await headOf(answer.json.data.prId)).toBe(head);
    }
  });
});

describe('refs/pull', () => {
  it('is fetched by name, cannot be pushed, and is hidden from pushes', async () => {
    const head = await bench.branch('side', { side: '1\n' });
    await bench.opened(author, 'side');
    await bench.fetch('refs/pull/1/head:refs/heads/review');
    expect(await bench.git('rev-parse', 'review')).toBe(head);
    await expect(bench.push('main:refs/pull/1/head')).rejects.toThrow(/hidden ref/);
    await expect(bench.push(':refs/pull/1/head')).rejects.toThrow(/hidden ref/);
    await bench.push('--mirror');
    expect(await bench.remote('refs/pull/1/head')).toBe(head);
    const copy = bench.sandbox.path('copy');
    await bench.sandbox.git(['clone', '-q', '--mirror', bench.cloneUrl, copy]);
    expect((await bench.sandbox.refs(copy)).get('refs/pull/1/head')).toBe(head);
    await bench.sandbox.git(['fsck', '--strict', '--full'], { cwd: copy });
  });

  it('keeps the commits of a closed pull request whose branch was rewritten', async () => {
    const head = await bench.branch('side', { side: '1\n' });
    const prId = await bench.opened(author, 'side');
    await bench.close(author, prId);
    await bench.push(':side');
    const copy = bench.sandbox.path('copy');
    await bench.sandbox.git(['init', '-q', copy]);
    await bench.sandbox.git(['fetch', '-q', bench.cloneUrl, 'refs/pull/1/head:refs/heads/old'], { cwd: copy });
    expect((await bench.sandbox.refs(copy)).get('refs/heads/old')).toBe(head);
    expect((await bench.get(prId)).json.data.diffStats.filesChanged).toBe(1);
  });
});

describe('CI status of a new head', () => {
  const ciOf = async (prId: string) => (await bench.get(prId)).json.data.ciStatus;

  it('is passed without a configuration and pending with one, which asks for a run', async () => {
    await bench.branch('side', { '.gitclaw-ci.yml': 'steps: []\n' });
    const prId = await bench.opened(author, 'side');
    expect(await ciOf(prId)).toBe('pending');
    expect(await topics('pr_create')).toEqual(['ci_run', 'webhook']);
    await bench.commit({ '.gitclaw-ci.yml': null, 'sub/.gitclaw-ci.yml': 'x\n' });
    await bench.push('side');
    expect(await ciOf(prId)).toBe('passed');
    expect(await topics('push')).toEqual(['analytics', 'webhook']);
    await bench.commit({ '.gitclaw-ci.yml': 'steps: []\n' });
    await bench.push('side');
    expect(await ciOf(prId)).toBe('pending');
    expect(await topics('push')).toEqual(['analytics', 'ci_run', 'webhook']);
  });

  it('comes along when a known commit becomes the head, and with a merge', async () => {
    await bench.branch('with', { '.gitclaw-ci.yml': 'steps: []\n' });
    await bench.branch('side', { side: '1\n' });
    const prId = await bench.opened(author, 'side');
    await bench.push('with:side');
    expect(await ciOf(prId)).toBe('pending');
    await bench.branch('base', { base: '1\n' });
    const stacked = await bench.opened(author, 'base');
    expect(await ciOf(stacked)).toBe('passed');
    await bench.branch('top', { '.gitclaw-ci.yml': 'steps: []\n' });
    const merged = await bench.opened(author, 'top', 'base');
    await app.ctx.db.sql`UPDATE pull_requests SET ci_status = 'passed' WHERE pr_id = ${merged}`;
    await bench.review(await newAgent(app), merged, 'approve');
    expect((await bench.merge(owner, merged)).status).toBe(200);
    expect(await ciOf(stacked)).toBe('pending');
    expect(await topics('pr_merge')).toEqual(['analytics', 'ci_run', 'reputation', 'webhook']);
  });
});
