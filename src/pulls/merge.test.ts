import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import {
  newAgent,
  newRepository,
  type Signing,
  send,
  signedRequest,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { code, PullBench } from '../../test/support/pulls.js';
import { auditLog, eventOutbox, pullRequests, repoAccess } from '../db/index.js';
import { pullsApi } from './index.js';
import { MAX_REPLAYED } from './strategies.js';

let app: TestApp;
let author: TestAgent;
let reviewer: TestAgent;
let owner: TestAgent;
let bench: PullBench;

beforeAll(async () => {
  app = await startGitApp();
  [owner, author, reviewer] = await Promise.all([newAgent(app), newAgent(app), newAgent(app)]);
});
beforeEach(async () => {
  bench?.dispose();
  bench = await PullBench.start(app, { owner });
});
afterAll(async () => {
  bench?.dispose();
  await app?.close();
});

/** Opens and approves. */
async function ready(source: string, target = 'main', title = 'A change'): Promise<string> {
  const prId = await bench.opened(author, source, target, title);
  await bench.review(reviewer, prId, 'approve');
  return prId;
}

async function mergedHead(prId: string, strategy: string): Promise<string> {
  const answer = await bench.merge(owner, prId, strategy);
  expect(answer.status, answer.text).toBe(200);
  await bench.fetch('+refs/heads/*:refs/remotes/server/*');
  return answer.json.data.mergeCommitOid;
}

const setCi = (prId: string, ciStatus: 'pending' | 'running' | 'passed' | 'failed') =>
  app.ctx.db.orm.update(pullRequests).set({ ciStatus }).where(eq(pullRequests.prId, prId));

describe('the gate', () => {
  it('asks in the order of the contract', async () => {
    await bench.branch('side', { side: 'side\n' });
    const prId = await bench.opened(author, 'side');
    expect(code(await bench.merge(owner, randomUUID()))).toEqual([404, 'PR_NOT_FOUND']);
    await setCi(prId, 'failed');
    expect(code(await bench.merge(author, prId))).toEqual([403, 'ACCESS_DENIED']);
    const blocked = async () => {
      const answer = await bench.merge(owner, prId);
      expect(code(answer)).toEqual([400, 'MERGE_BLOCKED']);
      expect(answer.json.error.details.prId).toBe(prId);
      const { approved, ciStatus, reasons } = answer.json.error.details;
      return { approved, ciStatus, reasons };
    };
    expect(await blocked()).toEqual({ approved: false, ciStatus: 'failed', reasons: ['not approved', 'CI failed'] });
    await bench.review(reviewer, prId, 'request_changes');
    expect((await blocked()).reasons).toEqual(['changes requested', 'CI failed']);
    await bench.review(reviewer, prId, 'approve');
    expect(await blocked()).toEqual({ approved: true, ciStatus: 'failed', reasons: ['CI failed'] });
    for (const status of ['pending', 'running'] as const) {
      await setCi(prId, status);
      expect((await blocked()).reasons).toEqual([`CI ${status}`]);
    }
    await setCi(prId, 'passed');
    const before = await bench.remote('refs/heads/main');
    expect((await bench.merge(owner, prId)).status).toBe(200);
    expect(await bench.remote('refs/heads/main')).not.toBe(before);
    for (const agent of [owner, author]) expect(code(await bench.merge(agent, prId))).toEqual([409, 'ALREADY_MERGED']);
    expect(code(await bench.close(owner, prId))).toEqual([409, 'ALREADY_MERGED']);
    const closed = await ready('side');
    await bench.close(author, closed);
    for (const agent of [owner, author]) expect(code(await bench.merge(agent, closed))).toEqual([400, 'PR_CLOSED']);
  });

  it('has nothing to merge when branches are one, missing, or ancestor of each other', async () => {
    await bench.branch('ahead', { a: 'a\n' });
    const reasons = async (prId: string) => {
      const answer = await bench.merge(owner, prId);
      expect(code(answer)).toEqual([400, 'MERGE_BLOCKED']);
      return answer.json.error.details.reasons;
    };
    const nothing = ['nothing to merge'];
    expect(await reasons(await ready('main', 'main'))).toEqual(nothing);
    expect(await reasons(await ready('main', 'ahead'))).toEqual(nothing);
    const gone = await ready('ahead');
    await bench.push(':ahead');
    expect((await bench.get(gone)).json.data.mergeable).toBe(false);
    expect(await reasons(gone)).toEqual(nothing);
    const { repoId } = await newRepository(app, owner);
    const empty = `/v1/repos/${repoId}/pulls`;
    const opened = await signedRequest(app, author, 'POST', empty, {
      action: 'pr_create',
      body: { sourceBranch: 'main', targetBranch: 'main', title: 'empty' },
    });
    const { prId } = opened.json.data;
    for (const [agent, action, tail, body] of [
      [reviewer, 'pr_review', 'reviews', { verdict: 'approve' }],
      [owner, 'pr_merge', 'merge', {}],
    ] as const) {
      const answer = await signedRequest(app, agent, 'POST', `${empty}/${prId}/${tail}`, { action, body });
      if (tail === 'merge') expect(answer.json.error.details.reasons).toEqual(nothing);
      else expect(answer.status).toBe(201);
    }
  });

  it('lets an author with write access merge, and tells strangers of private repositories nothing', async () => {
    const { repoId } = bench;
    await bench.branch('side', { side: 'side\n' });
    const prId = await ready('side');
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: author.agentId, role: 'write' });
    expect((await bench.merge(author, prId)).status).toBe(200);
    const hidden = await PullBench.start(app, { owner, visibility: 'private' });
    const secret = await hidden.opened(owner, 'main');
    for (const id of [secret, randomUUID()])
      expect(code(await hidden.merge(author, id))).toEqual([403, 'ACCESS_DENIED']);
    hidden.dispose();
  });

  it.each<[string, (ids: { repoId: string; prId: string }) => Partial<Signing>]>([
    ['TS, PY, RS', (ids) => ({ body: { ...ids, mergeStrategy: 'squash' } })],
    ['PYA', () => ({ body: { mergeStrategy: 'squash' } })],
    ['null', () => ({ body: { mergeStrategy: null } })],
    ['flat', (ids) => ({ form: 'flat', fields: {}, body: { ...ids, mergeStrategy: 'merge' } })],
    [
      'headers',
      (ids) => ({ form: 'headers', fields: { mergeStrategy: 'rebase' }, body: { ...ids, mergeStrategy: 'rebase' } }),
    ],
  ])('takes the shape of %s', async (_, shape) => {
    await bench.branch('side', { side: 'side\n' });
    const prId = await ready('side');
    const signing = { action: 'pr_merge', ...shape({ repoId: bench.repoId, prId }) };
    const answer = await signedRequest(app, owner, 'POST', `${bench.path}/${prId}/merge`, signing);
    expect(answer.status).toBe(200);
    const wanted = (signing.body as { mergeStrategy?: string | null }).mergeStrategy ?? 'merge';
    expect(pullsApi.find((route) => route.operationId === 'mergePull')?.data.parse(answer.json.data)).toEqual({
      prId,
      repoId: bench.repoId,
      mergeStrategy: wanted,
      mergedAt: expect.any(String),
      mergeCommitOid: await bench.remote('refs/heads/main'),
    });
  });

  it('refuses an unknown strategy', async () => {
    await bench.branch('side', { side: 'side\n' });
    expect(code(await bench.merge(owner, await ready('side'), 'octopus'))).toEqual([400, 'VALIDATION_ERROR']);
  });
});

describe('strategies, compared with git', () => {
  /** Both sides change README.md at different places, and files of their own; the side renames one. */
  async function diverged(): Promise<void> {
    await bench.git('checkout', '-q', 'main');
    await bench.commit({ 'old.txt': 'a\nb\nc\nd\ne\nf\n', 'dir/x': 'x\n' }, 'more');
    await bench.push('main');
    await bench.git('checkout', '-q', '-b', 'side');
    await bench.commit({ 'README.md': 'one\ntwo\nthree\nfour\nfive\nsix\n' }, 'add six');
    await bench.git('mv', 'old.txt', 'new.txt');
    await bench.commit({}, 'rename\n\nBecause of the name.');
    await bench.commit({ 'dir/y': 'y\n', 'dir/x': null }, 'Größe 🦀');
    await bench.push('side');
    await bench.branch('main', { 'README.md': 'zero\none\ntwo\nthree\nfour\nfive\n', 'old.txt': 'A\nb\nc\nd\ne\nf\n' });
  }

  it('merge makes a commit of two parents with the tree of git merge-tree', async () => {
    await diverged();
    const [main, side] = [await bench.git('rev-parse', 'main'), await bench.git('rev-parse', 'side')];
    const prId = await ready('side', 'main', 'Add: "six"');
    const head = await mergedHead(prId, 'merge');
    expect(await bench.git('rev-parse', `${head}^1`, `${head}^2`)).toBe(`${main}\n${side}`);
    expect(await bench.git('rev-parse', `${head}^{tree}`)).toBe(
      await bench.git('merge-tree', '--write-tree', main, side),
    );
    const who = `${owner.agentName} <${owner.agentId}@agents.gitclaw>`;
    expect(await bench.git('log', '-1', '--format=%an <%ae>%n%cn <%ce>%n%B', head)).toBe(
      `${who}\n${who}\nMerge pull request ${prId} from side\n\nAdd: "six"`,
    );
    await bench.git('fsck', '--strict', '--full');
  });

  it('merge makes a commit of two parents even where a fast-forward would do', async () => {
    const side = await bench.branch('side', { side: 'side\n' });
    const head = await mergedHead(await ready('side'), 'merge');
    expect(await bench.git('rev-parse', `${head}^1`, `${head}^2`, `${head}^{tree}`)).toBe(
      [await bench.git('rev-parse', 'main'), side, await bench.git('rev-parse', 'side^{tree}')].join('\n'),
    );
  });

  it('squash makes one commit with the whole change', async () => {
    await diverged();
    const main = await bench.git('rev-parse', 'main');
    const body = {
      repoId: bench.repoId,
      sourceBranch: 'side',
      targetBranch: 'main',
      title: 'All',
      description: 'of\nit',
    };
    const prId = (await bench.signed(author, 'pr_create', bench.path, body)).json.data.prId;
    await bench.review(reviewer, prId, 'approve');
    const head = await mergedHead(prId, 'squash');
    expect(await bench.git('log', '-1', '--format=%P%n%an%n%B', head)).toBe(
      `${main}\n${owner.agentName}\nAll\n\nof\nit`,
    );
    expect(await bench.git('rev-parse', `${head}^{tree}`)).toBe(
      await bench.git('merge-tree', '--write-tree', 'main', 'side'),
    );
  });

  it('rebase replays what git rebase replays', async () => {
    await diverged();
    const head = await mergedHead(await ready('side'), 'rebase');
    await bench.git('checkout', '-q', '-b', 'local', 'side');
    await bench.git('rebase', '-q', 'main');
    const shown = (tip: string) =>
      bench.git('log', '--reverse', '--format=%T %an <%ae> %ad%n%B', '--date=raw', `main..${tip}`);
    expect(await shown(head)).toBe(await shown('local'));
    expect(await bench.git('log', '--format=%cn <%ce>', `main..${head}`)).toBe(
      Array(3).fill(`${owner.agentName} <${owner.agentId}@agents.gitclaw>`).join('\n'),
    );
    await bench.git('fsck', '--strict', '--full');
  });

  it('rebase leaves out merges and what became empty, and keeps what was empty before', async () => {
    await bench.git('checkout', '-q', '-b', 'side');
    await bench.commit({ a: 'a\n' }, 'first');
    await bench.commit({}, 'empty from the start');
    await bench.git('checkout', '-q', '-b', 'inner', 'HEAD~1');
    await bench.commit({ b: 'b\n' }, 'inner 1');
    await bench.commit({ c: 'c\n' }, 'inner 2');
    await bench.git('checkout', '-q', 'side');
    await bench.commit({ d: 'd\n' }, 'outer');
    await bench.git('merge', '-q', '--no-ff', '-m', 'join', 'inner');
    await bench.commit({ e: 'e\n' }, 'last');
    await bench.push('side');
    await bench.branch('main', { b: 'b\n', main: 'main\n' });
    const head = await mergedHead(await ready('side'), 'rebase');
    await bench.git('checkout', '-q', '-b', 'local', 'side');
    await bench.git('rebase', '-q', 'main');
    const shown = (tip: string) => bench.git('log', '--reverse', '--format=%T %s', `main..${tip}`);
    expect(await shown(head)).toBe(await shown('local'));
    expect((await bench.git('log', '--format=%s', `main..${head}`)).split('\n')).not.toContain('join');
  });

  it('rebase has nothing to merge when everything is there already', async () => {
    await bench.branch('side', { a: 'a\n' });
    await bench.branch('main', { a: 'a\n', other: 'x\n' });
    const prId = await ready('side');
    const answer = await bench.merge(owner, prId, 'rebase');
    expect(code(answer)).toEqual([400, 'MERGE_BLOCKED']);
    expect(answer.json.error.details.reasons).toEqual(['nothing to merge']);
    expect((await bench.merge(owner, prId, 'squash')).status).toBe(200);
  });

  it('rebase replays only so many commits', async () => {
    const commits = Array.from(
      { length: MAX_REPLAYED + 1 },
      (_, i) =>
        `commit refs/heads/long\ncommitter A <a@x> ${1_700_000_000 + i} +0000\ndata 1\nx\n${i === 0 ? 'from refs/heads/main^0\n' : ''}M 100644 inline f\ndata ${`${i}`.length}\n${i}\n`,
    );
    await bench.sandbox.git(['fast-import', '--quiet'], { cwd: bench.dir, input: commits.join('') });
    await bench.push('long', 'long~1:refs/heads/shorter');
    const prId = await ready('long');
    const answer = await bench.merge(owner, prId, 'rebase');
    expect([answer.status, answer.json.error.message]).toEqual([
      413,
      expect.stringContaining(`at most ${MAX_REPLAYED} commits`),
    ]);
    const head = await mergedHead(await ready('shorter'), 'rebase');
    expect(await bench.git('rev-list', '--count', `main..${head}`)).toBe(String(MAX_REPLAYED));
  });

  it('merges histories without a common commit', async () => {
    await bench.git('checkout', '-q', '--orphan', 'other');
    await bench.git('rm', '-q', '-rf', '.');
    await bench.commit({ apart: 'apart\n' });
    await bench.push('other');
    const prId = await ready('other');
    expect((await bench.get(prId)).json.data).toMatchObject({
      mergeable: true,
      diffStats: { filesChanged: 1, insertions: 1, deletions: 0 },
    });
    const head = await mergedHead(prId, 'merge');
    expect(await bench.git('ls-tree', '--name-only', head)).toBe('README.md\napart');
  });

  it.each(['merge', 'squash', 'rebase'])('%s refuses conflicts and names the paths', async (strategy) => {
    await bench.git('checkout', '-q', '-b', 'side');
    await bench.commit({ 'README.md': 'mine\n', 'b/both': 'side\n', fine: 'fine\n' });
    await bench.push('side');
    await bench.branch('main', { 'README.md': 'theirs\n', 'b/both': 'main\n' });
    const prId = await ready('side');
    expect((await bench.get(prId)).json.data.mergeable).toBe(false);
    const before = await bench.remote('refs/heads/main');
    const answer = await bench.merge(owner, prId, strategy);
    expect(code(answer)).toEqual([409, 'MERGE_CONFLICTS']);
    const { stdout } = await bench.sandbox.git(
      ['merge-tree', '--write-tree', '--name-only', '--no-messages', 'main', 'side'],
      {
        cwd: bench.dir,
        ok: false,
      },
    );
    expect(answer.json.error.details.conflicts).toEqual(stdout.trim().split('\n').slice(1));
    expect(await bench.remote('refs/heads/main')).toBe(before);
    expect((await bench.get(prId)).json.data.status).toBe('open');
  });
});

describe('what a merge leaves', () => {
  it.each(['merge', 'squash', 'rebase'])('%s keeps statistics and diff as of the merge', async (strategy) => {
    await bench.branch('side', { side: 'a\nb\n' });
    await bench.branch('main', { main: 'main\n' });
    const prId = await ready('side');
    const before = (await bench.get(prId)).json.data;
    const diff = (await send(app.url, `${bench.path}/${prId}/diff`)).json.data;
    const head = await mergedHead(prId, strategy);
    await bench.git('checkout', '-q', '-B', 'main', 'refs/remotes/server/main');
    await bench.branch('main', { side: null });
    await bench.push(':side');
    const after = (await bench.get(prId)).json.data;
    expect(after).toEqual({
      ...before,
      status: 'merged',
      mergeable: false,
      mergeCommitOid: head,
      mergedAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
    });
    expect(after.diffStats).toEqual({ filesChanged: 1, insertions: 2, deletions: 0 });
    expect((await send(app.url, `${bench.path}/${prId}/diff`)).json.data).toEqual(diff);
  });

  it('writes the audit row that reputation is computed from', async () => {
    await bench.branch('side', { side: 'side\n' });
    const prId = await ready('side');
    const second = await newAgent(app);
    await bench.review(second, prId, 'approve');
    await bench.review(await newAgent(app), prId, 'comment');
    const head = await mergedHead(prId, 'squash');
    const rows = await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, prId));
    const event = rows.find((row) => row.action === 'pr_merge');
    expect(event).toMatchObject({ agentId: owner.agentId, resourceType: 'pull_request', chainId: bench.repoId });
    expect(event?.data).toEqual({
      pr_id: prId,
      repo_id: bench.repoId,
      merge_strategy: 'squash',
      merge_commit_oid: head,
      source_branch: 'side',
      target_branch: 'main',
      author_id: author.agentId,
      approving_reviewers: [reviewer.agentId, second.agentId].sort(),
    });
    const outbox = await app.ctx.db.orm.select().from(eventOutbox).where(eq(eventOutbox.auditEventId, event!.eventId));
    expect(outbox.map((row) => row.topic).sort()).toEqual(['analytics', 'reputation', 'webhook']);
    const [row] = await app.ctx.db.orm.select().from(pullRequests).where(eq(pullRequests.prId, prId));
    expect(row).toMatchObject({ mergedBy: owner.agentId, mergeStrategy: 'squash', mergeCommitOid: head });
  });

  it('answers a repeat from the store and leaves the nonce of a refusal free', async () => {
    await bench.branch('side', { side: 'side\n' });
    const prId = await bench.opened(author, 'side');
    const nonce = randomUUID();
    expect(code(await bench.merge(owner, prId, 'merge', nonce))).toEqual([400, 'MERGE_BLOCKED']);
    await bench.review(reviewer, prId, 'approve');
    const first = await bench.merge(owner, prId, 'merge', nonce);
    const again = await bench.merge(owner, prId, 'merge', nonce);
    expect([first.status, again.status, again.headers['idempotency-replayed']]).toEqual([200, 200, 'true']);
    expect(again.json.data).toEqual(first.json.data);
  });
});
