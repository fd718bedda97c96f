import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import { newAgent, send, signedRequest, type TestAgent, type TestApp } from '../../test/support/http.js';
import { code, PullBench } from '../../test/support/pulls.js';
import { claimRun } from './claim.js';
import { failUnserved, startCiRunner } from './index.js';
import { renewLease, reportRunner } from './lease-store.js';
import { beginStep, insertChunk, LostLease } from './log-store.js';

/** No runner works here: runs stay as they are made, and tests are the runners. */
let app: TestApp;
let owner: TestAgent;
let bench: PullBench;
beforeAll(async () => {
  app = await startGitApp();
  owner = await newAgent(app);
  bench = await PullBench.start(app, { owner });
});
afterAll(async () => {
  await app.close();
  bench.dispose();
});
beforeEach(() => app.ctx.db.sql`DELETE FROM ci_runs`);

const CONFIG = 'steps:\n  - { name: one, run: "true" }\n  - { name: two, run: "true" }\n';
let opened = 0;
async function pull(config = CONFIG): Promise<{ prId: string; head: string; branch: string }> {
  const branch = `b${++opened}`;
  const head = await bench.branch(branch, { '.gitclaw-ci.yml': config });
  return { branch, head, prId: await bench.opened(owner, branch) };
}
const path = (prId: string, rest: string) => `${bench.path}/${prId}/ci/${rest}`;
const trigger = (prId: string, commitSha: unknown = null, agent = owner) =>
  bench.signed(agent, 'ci_trigger', path(prId, 'trigger'), { prId, commitSha: commitSha as string });
const cancel = (prId: string, runId: string, agent = owner) =>
  bench.signed(agent, 'ci_cancel', path(prId, `runs/${runId}/cancel`), { prId, runId });
const get = (prId: string, rest: string) => send(app.url, path(prId, rest));
const actions = async (runId: string) =>
  (await app.ctx.db.sql`SELECT action FROM audit_log WHERE resource_id = ${runId} ORDER BY seq`).map(
    (row) => row.action,
  );

describe('a trigger', () => {
  it('makes a run that waits, and replaces the one before', async () => {
    const { prId, head } = await pull();
    const first = await trigger(prId);
    expect([first.status, first.json.data]).toEqual([
      202,
      { runId: expect.any(String), status: 'pending', message: expect.any(String) },
    ]);
    const second = await trigger(prId, head);
    const { runs } = (await get(prId, 'runs')).json.data;
    expect(runs).toMatchObject([
      {
        runId: second.json.data.runId,
        prId,
        repoId: bench.repoId,
        commitSha: head,
        status: 'pending',
        completedAt: null,
      },
      { runId: first.json.data.runId, status: 'cancelled', completedAt: expect.any(String) },
    ]);
    expect((await get(prId, 'runs?limit=1')).json.data.runs).toHaveLength(1);
    expect(await actions(first.json.data.runId)).toEqual(['ci_triggered', 'ci_cancelled']);
    expect((await bench.get(prId)).json.data.ciStatus).toBe('pending');
  });

  it('repeated with the same nonce makes one run', async () => {
    const { prId } = await pull();
    const nonce = randomUUID();
    const body = { repoId: bench.repoId, prId, commitSha: null };
    const ask = () => signedRequest(app, owner, 'POST', path(prId, 'trigger'), { action: 'ci_trigger', body, nonce });
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(new Set(answers.map(({ json }) => json.data.runId)).size).toBe(1);
    expect((await get(prId, 'runs')).json.data.runs).toHaveLength(1);
  });

  it('of many at once leaves one active run', async () => {
    const { prId } = await pull();
    const answers = await Promise.all(Array.from({ length: 6 }, () => trigger(prId)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(202));
    const { runs } = (await get(prId, 'runs')).json.data;
    expect(runs.filter(({ status }: { status: string }) => status === 'pending')).toHaveLength(1);
  });

  it('may be about an older commit of the pull request, which says nothing of the head', async () => {
    const { prId, head, branch } = await pull();
    await bench.commit({ x: '1' });
    await bench.push(branch);
    await app.ctx.db.sql`UPDATE pull_requests SET ci_status = 'passed' WHERE pr_id = ${prId}`;
    expect((await trigger(prId, head)).status).toBe(202);
    expect((await bench.get(prId)).json.data.ciStatus).toBe('passed');
  });

  it('is refused without role, commit or configuration', async () => {
    const { prId } = await pull();
    expect(code(await trigger(prId, null, await newAgent(app)))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await trigger(prId, 'a'.repeat(40)))).toEqual([404, 'REF_NOT_FOUND']);
    for (const wrong of ['abc', 'A'.repeat(40), 7, {}]) {
      expect(code(await trigger(prId, wrong))).toEqual([400, 'VALIDATION_ERROR']);
    }
    const other = await bench.branch('elsewhere', { '.gitclaw-ci.yml': CONFIG });
    expect(code(await trigger(prId, other))).toEqual([404, 'REF_NOT_FOUND']);
    const broken = await pull('steps: [');
    const answer = await trigger(broken.prId);
    expect(code(answer)).toEqual([400, 'INVALID_CI_CONFIG']);
    expect(answer.json.error.message).toMatch(/^\.gitclaw-ci\.yml cannot be read: /);
    await bench.branch('none', { a: 'b' });
    expect(code(await trigger(await bench.opened(owner, 'none')))).toEqual([400, 'INVALID_CI_CONFIG']);
    expect(code(await trigger(randomUUID()))).toEqual([404, 'PR_NOT_FOUND']);
    await bench.close(owner, prId);
    expect(code(await trigger(prId))).toEqual([400, 'PR_CLOSED']);
  });
});

describe('a cancel', () => {
  it('ends what has not ended', async () => {
    const { prId } = await pull();
    const { runId } = (await trigger(prId)).json.data;
    expect(code(await cancel(prId, runId, await newAgent(app)))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await cancel(prId, randomUUID()))).toEqual([404, 'CI_RUN_NOT_FOUND']);
    expect((await cancel(prId, runId)).json.data).toMatchObject({ runId, status: 'cancelled' });
    expect(code(await cancel(prId, runId))).toEqual([409, 'CONFLICT']);
    expect((await bench.get(prId)).json.data.ciStatus).toBe('failed');
    expect(await claimRun(app.ctx, 'r')).toBeUndefined();
  });
});

describe('reading', () => {
  it('shows runs, steps and logs, to those who may read', async () => {
    const { prId } = await pull();
    expect((await get(prId, 'runs')).json.data).toEqual({ runs: [] });
    expect((await get(prId, 'logs')).json.data).toEqual({ logs: [] });
    const { runId } = (await trigger(prId)).json.data;
    const run = await claimRun(app.ctx, 'r');
    await beginStep(app.ctx.db, run!, 'one', 0);
    const times = { startedAt: expect.any(String), finishedAt: null };
    expect((await get(prId, 'logs')).json.data.logs).toEqual([
      { step: 'one', output: '', status: 'running', ...times },
      { step: 'two', output: '', status: 'pending', startedAt: null, finishedAt: null },
    ]);
    expect((await get(prId, `runs/${runId}`)).json.data).toMatchObject({
      status: 'running',
      steps: [{ name: 'one', order: 0, exitCode: null, durationMs: null, passed: false }],
    });
    expect((await get(prId, `runs/${runId}/logs`)).json.data).toEqual({ runId, logs: '' });
    for (const rest of [`runs/${randomUUID()}`, 'runs/%00', `runs/${randomUUID()}/logs?follow=1`]) {
      expect(code(await get(prId, rest))).toEqual([404, 'CI_RUN_NOT_FOUND']);
    }
    const other = await pull();
    expect(code(await get(other.prId, `runs/${runId}`))).toEqual([404, 'CI_RUN_NOT_FOUND']);
  });

  it('follows a run while it works, and goes on where a client was cut off', async () => {
    const { prId } = await pull();
    const { runId } = (await trigger(prId)).json.data;
    const run = (await claimRun(app.ctx, 'r'))!;
    const chunk = (seq: number, text: string) =>
      insertChunk(app.ctx.db, run, { seq, stepOrder: 0, stream: 'stdout', text });
    await chunk(1, 'first\n');
    const following = send(app.url, path(prId, `runs/${runId}/logs?follow=1`));
    await chunk(2, 'second\n');
    await cancel(prId, runId);
    const answer = await following;
    expect(answer.headers['content-type']).toContain('text/event-stream');
    const events = answer.text.split('\n\n').filter(Boolean);
    expect(events[0]).toBe('event: log\ndata: {"step":0,"stream":"stdout","text":"first\\n"}\nid: 1-1');
    expect(events.at(-1)).toBe('event: end\ndata: {"status":"cancelled"}');
    expect(events).toHaveLength(3);
    const again = await send(app.url, path(prId, `runs/${runId}/logs?follow=1`), {
      headers: { 'last-event-id': '1-1' },
    });
    expect(again.text).not.toContain('first');
    expect(again.text).toContain('second');
  });
});

describe('leases', () => {
  it('give each run to one of many runners', async () => {
    for (let n = 0; n < 4; n++) await trigger((await pull()).prId);
    const claims = await Promise.all(Array.from({ length: 8 }, (_, n) => claimRun(app.ctx, `r${n}`)));
    const taken = claims.flatMap((run) => (run === undefined ? [] : [run.runId]));
    // A claim passes over pull requests that another one has just locked.
    for (let run = await claimRun(app.ctx, 'r'); run !== undefined; run = await claimRun(app.ctx, 'r'))
      taken.push(run.runId);
    expect([taken.length, new Set(taken).size]).toEqual([4, 4]);
  });

  it('pass on when they run out, and shut the old runner out', async () => {
    const { prId } = await pull();
    await trigger(prId);
    const old = (await claimRun(app.ctx, 'old'))!;
    expect(await claimRun(app.ctx, 'new')).toBeUndefined();
    await app.ctx.db.sql`UPDATE ci_runs SET lease_until = now() - interval '1 second'`;
    const now = (await claimRun(app.ctx, 'new'))!;
    expect([old.fence, now.fence]).toEqual([1, 2]);
    expect(await renewLease(app.ctx.db, old)).toBe('lost');
    expect(await renewLease(app.ctx.db, now)).toBe('held');
    const chunk = { seq: 1, stepOrder: 0, stream: 'stdout', text: 'x' };
    await expect(insertChunk(app.ctx.db, old, chunk)).rejects.toThrow(LostLease);
    await expect(beginStep(app.ctx.db, old, 'one', 0)).rejects.toThrow(LostLease);
  });

  it('end for a run that kills its runners', async () => {
    const { prId } = await pull();
    const { runId } = (await trigger(prId)).json.data;
    for (let n = 1; n <= 5; n++) {
      expect((await claimRun(app.ctx, 'r'))?.fence).toBe(n);
      await app.ctx.db.sql`UPDATE ci_runs SET lease_until = now() - interval '1 second'`;
    }
    expect(await claimRun(app.ctx, 'r')).toBeUndefined();
    expect((await get(prId, `runs/${runId}/logs`)).json.data.logs).toContain('given up');
    expect((await bench.get(prId)).json.data.ciStatus).toBe('failed');
  });

  it('are not given for a head that is not the head any more', async () => {
    const { prId, branch } = await pull();
    await trigger(prId);
    const run = (await claimRun(app.ctx, 'r'))!;
    await bench.commit({ '.gitclaw-ci.yml': null });
    await bench.push(branch);
    expect(await renewLease(app.ctx.db, run)).toBe('outdated');
    await app.ctx.db.sql`UPDATE ci_runs SET status = 'pending'`;
    expect(await claimRun(app.ctx, 'r')).toBeUndefined();
    expect((await get(prId, 'runs')).json.data.runs).toMatchObject([{ status: 'cancelled' }]);
    expect((await bench.get(prId)).json.data.ciStatus).toBe('passed');
  });

  it('nobody gives end as a failure that says why, once no runner is alive', async () => {
    await app.ctx.db.sql`DELETE FROM ci_runners`;
    const { prId } = await pull();
    const { runId } = (await trigger(prId)).json.data;
    await app.ctx.db.sql`UPDATE ci_runs SET started_at = now() - interval '61 seconds'`;
    await reportRunner(app.ctx.db, 'r', 'bubblewrap');
    expect(await failUnserved(app.ctx, 'No isolation is available.')).toBe(0);
    await app.ctx.db.sql`UPDATE ci_runners SET seen_at = now() - interval '61 seconds'`;
    expect(await failUnserved(app.ctx, 'No isolation is available.')).toBe(1);
    expect((await get(prId, `runs/${runId}/logs`)).json.data.logs).toContain('No isolation is available.');
    expect((await get(prId, `runs/${runId}`)).json.data.status).toBe('failed');
  });
});

it('a sandbox that does not open fails the run and says so', async () => {
  const { prId } = await pull();
  const { runId } = (await trigger(prId)).json.data;
  const { SandboxError } = await import('./drivers/contract.js');
  const runner = startCiRunner(app.ctx, {
    name: 'bubblewrap',
    probe: async () => undefined,
    open: async () => {
      throw new SandboxError('No space for a sandbox.');
    },
  });
  await expect
    .poll(async () => (await get(prId, `runs/${runId}`)).json.data.status, { timeout: 10_000 })
    .toBe('failed');
  await runner.stop();
  expect((await get(prId, `runs/${runId}/logs`)).json.data.logs).toBe('No space for a sandbox.\n');
  expect(await actions(runId)).toEqual(['ci_triggered', 'ci_logs_stored', 'ci_completed']);
});
