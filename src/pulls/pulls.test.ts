import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startGitApp } from '../../test/support/git-app.js';
import { newAgent, type Signing, send, signedRequest, type TestAgent, type TestApp } from '../../test/support/http.js';
import { code, PullBench } from '../../test/support/pulls.js';
import { auditLog, eventOutbox, repoAccess } from '../db/index.js';
import { pullsApi } from './index.js';

let app: TestApp;
let bench: PullBench;
let author: TestAgent;

beforeAll(async () => {
  app = await startGitApp();
  bench = await PullBench.start(app);
  author = await newAgent(app);
  await bench.branch('topic', { 'new.txt': 'a\nb\n' });
});
afterAll(async () => {
  bench?.dispose();
  await app?.close();
});

/** The data of an answer, checked strictly against what the route promises. */
function promised(operationId: string, data: unknown): unknown {
  const schema = pullsApi.find((route) => route.operationId === operationId)?.data;
  return (schema instanceof z.ZodObject ? schema.strict() : schema)?.parse(data);
}

const create = (agent: TestAgent, signing: Partial<Signing>, path = bench.path) =>
  signedRequest(app, agent, 'POST', path, { action: 'pr_create', ...signing });
const TOPIC = { sourceBranch: 'topic', targetBranch: 'main', title: 'T' };

describe('POST pulls', () => {
  it('opens a pull request with its ref, audit row and outbox rows', async () => {
    const answer = await create(author, {
      body: { repoId: bench.repoId, ...TOPIC, title: 'Grüße 🦀', description: 'd' },
    });
    expect(answer.status).toBe(201);
    const head = await bench.git('rev-parse', 'topic');
    expect(promised('createPull', answer.json.data)).toEqual({
      prId: expect.any(String),
      repoId: bench.repoId,
      number: 1,
      authorId: author.agentId,
      authorName: author.agentName,
      sourceBranch: 'topic',
      targetBranch: 'main',
      title: 'Grüße 🦀',
      description: 'd',
      status: 'open',
      ciStatus: 'passed',
      diffStats: { filesChanged: 1, insertions: 2, deletions: 0 },
      mergeable: true,
      isApproved: false,
      reviewCount: 0,
      headOid: head,
      mergeCommitOid: null,
      createdAt: expect.any(String),
      mergedAt: null,
    });
    expect(await bench.remote('refs/pull/1/head')).toBe(head);
    const { prId } = answer.json.data;
    const [event] = await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, prId));
    expect(event).toMatchObject({ action: 'pr_create', resourceType: 'pull_request', chainId: bench.repoId });
    expect(event?.data).toEqual({
      pr_id: prId,
      repo_id: bench.repoId,
      source_branch: 'topic',
      target_branch: 'main',
      title: 'Grüße 🦀',
      diff_stats: { files_changed: 1, insertions: 2, deletions: 0 },
      mergeable: true,
    });
    const outbox = await app.ctx.db.orm.select().from(eventOutbox).where(eq(eventOutbox.auditEventId, event!.eventId));
    expect(outbox.map((row) => row.topic)).toEqual(['webhook']);
    expect((await bench.get(prId)).json.data).toEqual(answer.json.data);
  });

  it.each<[string, (repoId: string) => Partial<Signing>]>([
    ['TS, PY, RS', (repoId) => ({ body: { repoId, ...TOPIC, description: null } })],
    ['PYA', () => ({ body: TOPIC })],
    ['flat', (repoId) => ({ form: 'flat', fields: TOPIC, body: { repoId, ...TOPIC, description: null } })],
    ['headers', (repoId) => ({ form: 'headers', fields: TOPIC, body: { repoId, ...TOPIC, description: null } })],
    [
      'flat with a description',
      (repoId) => ({
        form: 'flat',
        fields: { ...TOPIC, description: 'd' },
        body: { repoId, ...TOPIC, description: 'd' },
      }),
    ],
  ])('takes the shape of %s', async (_, shape) => {
    expect((await create(author, shape(bench.repoId))).status).toBe(201);
  });

  it.each([
    ['VALIDATION_ERROR', {}],
    ['VALIDATION_ERROR', { ...TOPIC, title: '' }],
    ['VALIDATION_ERROR', { ...TOPIC, title: 'x'.repeat(513) }],
    ['VALIDATION_ERROR', { ...TOPIC, title: 5 }],
    ['VALIDATION_ERROR', { ...TOPIC, description: 'a\0' }],
    ['VALIDATION_ERROR', { ...TOPIC, sourceBranch: 'x'.repeat(129) }],
    ['VALIDATION_ERROR', { ...TOPIC, repoId: randomUUID() }],
    ['BRANCH_NOT_FOUND', { ...TOPIC, sourceBranch: 'nowhere' }],
    ['BRANCH_NOT_FOUND', { ...TOPIC, targetBranch: 'refs/heads/main' }],
    ['BRANCH_NOT_FOUND', { ...TOPIC, targetBranch: '../main' }],
  ])('answers 400 %s for %j', async (expected, body) => {
    expect(code(await create(author, { body }))).toEqual([400, expected]);
  });

  it('names the branch that is missing', async () => {
    const answer = await create(author, { body: { ...TOPIC, sourceBranch: 'nowhere' } });
    expect(answer.json.error.details).toEqual({ branch: 'nowhere' });
  });

  it('takes the longest title, counted in characters', async () => {
    expect((await create(author, { body: { ...TOPIC, title: '🦀'.repeat(512) } })).status).toBe(201);
  });

  it('opens main into main before the first push', async () => {
    const empty = await PullBench.start(app, { empty: true });
    const { status, json } = await empty.open(author, 'main');
    expect([status, json.data.mergeable, json.data.ciStatus, json.data.headOid]).toEqual([201, true, 'passed', null]);
    expect(json.data.diffStats).toEqual({ filesChanged: 0, insertions: 0, deletions: 0 });
    expect(code(await empty.open(author, 'main', 'dev'))).toEqual([400, 'BRANCH_NOT_FOUND']);
    expect((await send(app.url, `${empty.path}/${json.data.prId}/diff`)).json.data).toEqual({ files: [] });
    expect(await empty.remote('refs/pull/1/head')).toBeUndefined();
    await empty.commit({ a: 'a\n' });
    await empty.push('main');
    expect(await empty.remote('refs/pull/1/head')).toBe(await empty.git('rev-parse', 'HEAD'));
    empty.dispose();
  });

  it('answers 404 and 403 as the contract says', async () => {
    const nowhere = `/v1/repos/${randomUUID()}/pulls`;
    expect(code(await create(author, { body: TOPIC }, nowhere))).toEqual([404, 'REPO_NOT_FOUND']);
    const hidden = await PullBench.start(app, { empty: true, visibility: 'private' });
    expect(code(await hidden.open(author, 'main'))).toEqual([403, 'ACCESS_DENIED']);
    const { repoId } = hidden;
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: author.agentId, role: 'read' });
    expect((await hidden.open(author, 'main')).status).toBe(201);
    hidden.dispose();
  });

  it('gives every pull request a number of its own, and one nonce one pull request', async () => {
    const own = await PullBench.start(app);
    await own.branch('x', { x: 'x\n' });
    const nonce = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        create(author, { ...(i % 2 === 0 ? { nonce } : {}), body: { ...TOPIC, sourceBranch: 'x' } }, own.path),
      ),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    const numbers = new Set(answers.map((answer) => answer.json.data.number));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
    expect(await own.remote('refs/pull/13/head')).toBe(await own.git('rev-parse', 'x'));
    own.dispose();
  });
});

describe('GET pulls', () => {
  it('lists by status and author, newest first, whole or in pages', async () => {
    const own = await PullBench.start(app);
    await own.branch('x', { x: 'x\n' });
    const other = await newAgent(app);
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift(await own.opened(i % 2 === 0 ? author : other, 'x'));
    await own.close(author, ids[0]!);
    const list = async (query: string) => {
      const answer = await send(app.url, `${own.path}${query}`);
      expect(answer.status).toBe(200);
      const data = promised('listPulls', answer.json.data) as {
        pulls: { prId: string }[];
        total: number;
        nextCursor: string | null;
      };
      return { ...data, ids: data.pulls.map((pull) => pull.prId) };
    };
    expect(await list('')).toMatchObject({ ids, total: 7, page: 1, perPage: 1000, nextCursor: null });
    expect(await list('?status=closed')).toMatchObject({ ids: [ids[0]], total: 1 });
    expect(await list('?status=open')).toMatchObject({ ids: ids.slice(1), total: 6 });
    expect(await list('?status=merged')).toMatchObject({ ids: [], total: 0 });
    expect(await list(`?authorId=${other.agentId}`)).toMatchObject({ ids: [ids[1], ids[3], ids[5]], total: 3 });
    expect(await list('?authorId=nobody')).toMatchObject({ ids: [], total: 0 });
    expect(await list('?page=2&perPage=3')).toMatchObject({ ids: ids.slice(3, 6), total: 7, page: 2, perPage: 3 });
    expect(await list('?page=9&perPage=3')).toMatchObject({ ids: [], total: 7, page: 9 });
    const first = await list('?perPage=3');
    await own.opened(other, 'x');
    const second = await list(`?perPage=3&cursor=${first.nextCursor}`);
    const third = await list(`?perPage=3&cursor=${second.nextCursor}`);
    expect([...first.ids, ...second.ids, ...third.ids]).toEqual(ids);
    expect(third.nextCursor).toBeNull();
    for (const bad of ['?page=x', '?page=1&perPage=1.5', '?cursor=!!', '?cursor=MTIzYQ']) {
      expect(code(await send(app.url, own.path + bad))).toEqual([400, 'INVALID_PAGINATION']);
    }
    for (const bad of ['?status=draft', '?authorId=a%00']) {
      expect(code(await send(app.url, own.path + bad))).toEqual([400, 'VALIDATION_ERROR']);
    }
    own.dispose();
  });

  it('shows pull requests of their own repository only', async () => {
    const own = await PullBench.start(app, { empty: true });
    const foreign = await own.opened(author, 'main');
    for (const id of [foreign, randomUUID(), 'x', '%00', '%ff']) {
      for (const tail of ['', '/diff']) {
        expect(code(await send(app.url, `${bench.path}/${id}${tail}`))).toEqual([404, 'PR_NOT_FOUND']);
      }
    }
    expect(code(await send(app.url, `/v1/repos/${randomUUID()}/pulls`))).toEqual([404, 'REPO_NOT_FOUND']);
    own.dispose();
  });

  it('shows those of a private repository to its readers only', async () => {
    const hidden = await PullBench.start(app, { empty: true, visibility: 'private' });
    const prId = await hidden.opened(hidden.owner, 'main');
    const signing: Signing = { action: 'repo_read', form: 'headers', body: { repoId: hidden.repoId } };
    for (const tail of ['', `/${prId}`, `/${prId}/diff`]) {
      expect(code(await send(app.url, hidden.path + tail))).toEqual([404, 'REPO_NOT_FOUND']);
      const strange = await signedRequest(app, author, 'GET', hidden.path + tail, signing);
      expect(code(strange)).toEqual([404, 'REPO_NOT_FOUND']);
      expect((await signedRequest(app, hidden.owner, 'GET', hidden.path + tail, signing)).status).toBe(200);
    }
    const of = await send(app.url, `/v1/agents/${hidden.owner.agentId}/pulls`);
    expect(of.json.data).toEqual({ pulls: [] });
    hidden.dispose();
  });

  it('lists what an agent opened in public repositories', async () => {
    const agent = await newAgent(app);
    const other = await PullBench.start(app);
    await other.branch('y', { y: 'y\n' });
    const ids = [
      await bench.opened(agent, 'topic'),
      await other.opened(agent, 'y'),
      await bench.opened(agent, 'topic'),
    ];
    const answer = await send(app.url, `/v1/agents/${agent.agentId}/pulls`);
    const { pulls } = promised('listPullsOfAgent', answer.json.data) as { pulls: { prId: string }[] };
    expect(pulls.map((pull) => pull.prId)).toEqual(ids.reverse());
    expect((await send(app.url, `/v1/agents/${agent.agentId}/pulls?limit=1`)).json.data.pulls).toHaveLength(1);
    expect(code(await send(app.url, `/v1/agents/${randomUUID()}/pulls`))).toEqual([404, 'AGENT_NOT_FOUND']);
    other.dispose();
  });
});

describe('GET diff', () => {
  it('compares merge base and head, whatever the target did since', async () => {
    const own = await PullBench.start(app);
    await own.git('checkout', '-q', '-b', 'change');
    await own.git('mv', 'README.md', 'READ.md');
    await own.commit({ 'READ.md': 'one\n2\nthree\nfour\nfive\n', bin: 'a\0b', 'new.txt': 'x\n' });
    await own.push('change');
    await own.branch('main', { other: 'other\n' });
    const prId = await own.opened(author, 'change');
    const data = (await send(app.url, `${own.path}/${prId}/diff`)).json.data;
    promised('diffPull', data);
    const files = data.files as { path: string; oldPath?: string; insertions: number; deletions: number }[];
    const numstat = await own.git('diff', '-M', '--numstat', '-z', 'main...change');
    expect(files.map((file) => [file.path, file.insertions, file.deletions])).toEqual([
      ['READ.md', 1, 1],
      ['bin', 0, 0],
      ['new.txt', 1, 0],
    ]);
    expect(numstat.replaceAll('\0', ' ')).toContain('1\t1\t README.md READ.md');
    expect(files[0]).toMatchObject({ oldPath: 'README.md', status: 'renamed' });
    expect(data.files[0].hunks[0].lines).toContainEqual({ type: 'addition', content: '2', newLine: 2 });
    expect((await own.get(prId)).json.data.diffStats).toEqual({ filesChanged: 3, insertions: 2, deletions: 1 });
    own.dispose();
  });
});

describe('POST close', () => {
  const close = (agent: TestAgent, prId: string, signing: Partial<Signing>) =>
    signedRequest(app, agent, 'POST', `${bench.path}/${prId}/close`, { action: 'pr_close', ...signing });

  it('is for the author and for writers, and final', async () => {
    const stranger = await newAgent(app);
    const prId = await bench.opened(author, 'topic');
    expect(code(await bench.close(stranger, prId))).toEqual([403, 'ACCESS_DENIED']);
    const answer = await bench.close(author, prId);
    expect(answer.status).toBe(200);
    expect(promised('closePull', answer.json.data)).toMatchObject({
      prId,
      status: 'closed',
      mergeable: false,
      mergedAt: null,
      diffStats: { filesChanged: 1, insertions: 2, deletions: 0 },
    });
    expect((await bench.get(prId)).json.data).toEqual(answer.json.data);
    for (const agent of [author, stranger]) expect(code(await bench.close(agent, prId))).toEqual([400, 'PR_CLOSED']);
    const [, event] = await app.ctx.db.orm
      .select()
      .from(auditLog)
      .where(eq(auditLog.resourceId, prId))
      .orderBy(auditLog.seq);
    expect(event).toMatchObject({ action: 'pr_close', agentId: author.agentId });
    expect(event?.data).toEqual({ pr_id: prId, repo_id: bench.repoId });
    expect((await bench.close(bench.owner, await bench.opened(author, 'topic'))).status).toBe(200);
  });

  it.each<[string, (ids: { repoId: string; prId: string }) => Partial<Signing>]>([
    ['nested', (ids) => ({ body: ids })],
    ['nested without ids', () => ({ body: {} })],
    ['flat', (ids) => ({ form: 'flat', fields: {}, body: ids })],
    ['headers', (ids) => ({ form: 'headers', fields: {}, body: ids })],
  ])('takes the shape of %s', async (_, shape) => {
    const prId = await bench.opened(author, 'topic');
    expect((await close(author, prId, shape({ repoId: bench.repoId, prId }))).status).toBe(200);
  });

  it('answers a repeat from the store', async () => {
    const prId = await bench.opened(author, 'topic');
    const nonce = randomUUID();
    for (const _ of [1, 2]) expect((await close(author, prId, { nonce })).status).toBe(200);
    expect(code(await close(author, randomUUID(), {}))).toEqual([404, 'PR_NOT_FOUND']);
  });
});
