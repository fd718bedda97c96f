import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import { newAgent, type Signing, send, signedRequest, type TestAgent, type TestApp } from '../../test/support/http.js';
import { code, PullBench } from '../../test/support/pulls.js';
import { auditLog, eventOutbox, repoAccess } from '../db/index.js';
import { reviewStates, reviewsApi } from './index.js';

let app: TestApp;
let bench: PullBench;
let author: TestAgent;
let reviewer: TestAgent;
let prId: string;

beforeAll(async () => {
  app = await startGitApp();
  bench = await PullBench.start(app, { empty: true });
  [author, reviewer] = await Promise.all([newAgent(app), newAgent(app)]);
  prId = await bench.opened(author, 'main');
});
afterAll(async () => {
  bench?.dispose();
  await app?.close();
});

const path = () => `${bench.path}/${prId}/reviews`;
const post = (agent: TestAgent, signing: Partial<Signing>) =>
  signedRequest(app, agent, 'POST', path(), { action: 'pr_review', ...signing });

describe('POST reviews', () => {
  it('adds a review, its audit row and its outbox row', async () => {
    const answer = await bench.review(reviewer, prId, 'comment', 'Größe?');
    expect(answer.status).toBe(201);
    const view = reviewsApi[0]!.data.parse(answer.json.data);
    expect(view).toEqual({
      reviewId: expect.any(String),
      prId,
      reviewerId: reviewer.agentId,
      reviewerName: reviewer.agentName,
      verdict: 'comment',
      body: 'Größe?',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const { reviewId } = answer.json.data;
    const [event] = await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, reviewId));
    expect(event).toMatchObject({ action: 'pr_review', resourceType: 'review', agentId: reviewer.agentId });
    expect(event?.data).toEqual({ review_id: reviewId, pr_id: prId, repo_id: bench.repoId, verdict: 'comment' });
    expect(event?.chainId).toBe(bench.repoId);
    const outbox = await app.ctx.db.orm.select().from(eventOutbox).where(eq(eventOutbox.auditEventId, event!.eventId));
    expect(outbox.map((row) => row.topic)).toEqual(['webhook']);
  });

  it.each<[string, () => Partial<Signing>]>([
    ['TS and PY', () => ({ body: { repoId: bench.repoId, prId, verdict: 'comment', body: null } })],
    ['RS', () => ({ action: 'review_create', body: { repoId: bench.repoId, prId, verdict: 'comment', body: 'x' } })],
    ['PYA', () => ({ action: 'review_create', body: { verdict: 'comment' } })],
    ['flat', () => flat('flat')],
    ['headers', () => flat('headers')],
    [
      'flat with a text',
      () => ({
        form: 'flat',
        fields: { verdict: 'comment', body: 'text' },
        body: { repoId: bench.repoId, prId, verdict: 'comment', body: 'text' },
      }),
    ],
  ])('takes the shape of %s', async (_, shape) => {
    expect((await post(reviewer, shape())).status).toBe(201);
  });

  const flat = (form: 'flat' | 'headers'): Partial<Signing> => ({
    form,
    fields: { verdict: 'comment' },
    body: { repoId: bench.repoId, prId, verdict: 'comment', body: null },
  });

  it('answers a repeat from the store', async () => {
    const signing = { nonce: randomUUID(), body: { verdict: 'comment', body: 'once' } };
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(reviewer, signing)));
    expect(new Set(answers.map((answer) => answer.json.data.reviewId)).size).toBe(1);
  });

  it.each([
    [{}],
    [{ verdict: 'maybe' }],
    [{ verdict: 'approve', body: 7 }],
    [{ verdict: 'approve', body: 'a\0b' }],
    [{ verdict: 'comment', repoId: randomUUID() }],
    [{ verdict: 'comment', prId: randomUUID() }],
  ])('refuses %j', async (body) => {
    expect(code(await post(reviewer, { body }))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('refuses the approval of the author, but not a comment of the author', async () => {
    expect(code(await bench.review(author, prId, 'approve'))).toEqual([400, 'SELF_APPROVAL_NOT_ALLOWED']);
    expect((await bench.review(author, prId, 'request_changes')).status).toBe(201);
  });

  it('knows no foreign pull requests and hides private ones', async () => {
    const other = await PullBench.start(app, { empty: true });
    const hidden = await PullBench.start(app, { empty: true, visibility: 'private' });
    const foreign = await other.opened(other.owner, 'main');
    const secret = await hidden.opened(hidden.owner, 'main');
    for (const id of [foreign, randomUUID(), 'x', '%00']) {
      const body = { verdict: 'comment' };
      const answer = await signedRequest(app, reviewer, 'POST', `${bench.path}/${id}/reviews`, {
        action: 'pr_review',
        body,
      });
      expect(code(answer)).toEqual([404, 'PR_NOT_FOUND']);
      expect(code(await send(app.url, `${bench.path}/${id}/reviews`))).toEqual([404, 'PR_NOT_FOUND']);
    }
    expect(code(await hidden.review(reviewer, secret, 'comment'))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await send(app.url, `${hidden.path}/${secret}/reviews`))).toEqual([404, 'REPO_NOT_FOUND']);
    const { repoId } = hidden;
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: reviewer.agentId, role: 'read' });
    expect((await hidden.review(reviewer, secret, 'approve')).status).toBe(201);
    const signing: Signing = { action: 'repo_read', form: 'headers', body: { repoId } };
    const listed = await signedRequest(app, reviewer, 'GET', `${hidden.path}/${secret}/reviews`, signing);
    expect(listed.json.data.reviews).toHaveLength(1);
    const of = await send(app.url, `/v1/agents/${reviewer.agentId}/reviews`);
    expect(of.json.data.reviews.map((review: { prId: string }) => review.prId)).not.toContain(secret);
    other.dispose();
    hidden.dispose();
  });

  it('is over when the pull request is', async () => {
    const closed = await bench.opened(author, 'main');
    expect((await bench.close(author, closed)).status).toBe(200);
    const answer = await bench.review(reviewer, closed, 'comment');
    expect(code(answer)).toEqual([400, 'VALIDATION_ERROR']);
    expect(answer.json.error.details).toEqual({ prId: closed, status: 'closed' });
  });
});

describe('GET reviews', () => {
  it('lists newest first, in pages that inserts do not shift', async () => {
    const pull = await bench.opened(author, 'main');
    const at = `${bench.path}/${pull}/reviews`;
    const made: string[] = [];
    for (let i = 0; i < 7; i++) made.unshift((await bench.review(reviewer, pull, 'comment')).json.data.reviewId);
    const ids = (answer: { json: { data: { reviews: { reviewId: string }[] } } }) =>
      answer.json.data.reviews.map((review) => review.reviewId);
    const all = await send(app.url, at);
    expect(ids(all)).toEqual(made);
    expect(reviewsApi[1]!.data.parse(all.json.data)).toEqual({ ...all.json.data, nextCursor: null });
    const first = await send(app.url, `${at}?limit=3`);
    await bench.review(reviewer, pull, 'comment');
    const second = await send(app.url, `${at}?limit=3&cursor=${first.json.data.nextCursor}`);
    const third = await send(app.url, `${at}?limit=3&cursor=${second.json.data.nextCursor}`);
    expect([...ids(first), ...ids(second), ...ids(third)]).toEqual(made);
    expect(third.json.data.nextCursor).toBeNull();
    expect(code(await send(app.url, `${at}?cursor=nonsense`))).toEqual([400, 'INVALID_PAGINATION']);
  });

  it('lists the reviews of an agent', async () => {
    const answer = await send(app.url, `/v1/agents/${reviewer.agentId}/reviews?limit=2`);
    const { reviews } = reviewsApi[2]!.data.parse(answer.json.data) as { reviews: { reviewerId: string }[] };
    expect(reviews.map((review) => review.reviewerId)).toEqual([reviewer.agentId, reviewer.agentId]);
    expect(code(await send(app.url, `/v1/agents/${randomUUID()}/reviews`))).toEqual([404, 'AGENT_NOT_FOUND']);
    expect(code(await send(app.url, `/v1/agents/${reviewer.agentId}/reviews?limit=x`))).toEqual([
      400,
      'INVALID_PAGINATION',
    ]);
  });
});

describe('what reviews add up to', () => {
  it('counts the latest verdict of each reviewer; comments and the author do not count', async () => {
    const pull = await bench.opened(author, 'main');
    const second = await newAgent(app);
    const state = async () => {
      const shown = (await bench.get(pull)).json.data;
      return [shown.isApproved, shown.reviewCount];
    };
    expect(await state()).toEqual([false, 0]);
    const steps: [TestAgent, string, boolean][] = [
      [reviewer, 'comment', false],
      [reviewer, 'approve', true],
      [reviewer, 'comment', true],
      [author, 'request_changes', true],
      [second, 'request_changes', false],
      [second, 'approve', true],
      [reviewer, 'request_changes', false],
      [second, 'request_changes', false],
    ];
    for (const [i, [agent, verdict, approved]] of steps.entries()) {
      await bench.review(agent, pull, verdict);
      expect(await state()).toEqual([approved, i + 1]);
    }
    expect((await reviewStates(app.ctx.db, [pull, 'none'])).get(pull)).toEqual({
      reviewCount: steps.length,
      isApproved: false,
      approvedBy: [],
      changesRequestedBy: [reviewer.agentId, second.agentId].sort(),
    });
  });
});
