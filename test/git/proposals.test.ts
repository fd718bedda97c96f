import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded, s3 } from '../support/deployment.js';

describe.each([embedded, s3])('pushes to refs/for: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let url: string;
  let repoId: string;
  let work: string;
  let count = 0;

  const git = (...args: string[]) => agent.git(args, { cwd: work });
  const fails = async (...args: string[]) => {
    const result = await agent.git(args, { cwd: work, ok: false });
    expect(result.code).not.toBe(0);
    return result.stderr;
  };
  const commit = async (message: string) => {
    appendFileSync(join(work, 'file.txt'), `${Math.random()}\n`);
    await git('add', '-A');
    await git('commit', '-q', '-m', message);
    return (await git('rev-parse', 'HEAD')).stdout.trim();
  };
  const refs = async () => Object.fromEntries(await agent.remoteRefs(url));
  const pulls = () => agent.client.listPulls(repoId);

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'proposer');
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  beforeEach(async () => {
    count += 1;
    ({ cloneUrl: url, repoId } = await agent.createRepo(`repo-${count}`));
    work = agent.sandbox.path(`work-${count}`);
    await agent.git(['clone', '-q', url, work]);
    await commit('base');
    await git('push', '-q', 'origin', 'main');
  });

  test('a push opens a pull request, says so, and git sees the branch that really moved', async () => {
    const head = await commit('Add a line\n\nMore about it.');
    const { stderr } = await git('push', 'origin', 'HEAD:refs/for/main');
    const [pull, ...more] = await pulls();
    expect(more).toEqual([]);
    const sourceBranch = `for/proposer/${head.slice(0, 10)}`;
    expect(pull).toMatchObject({
      sourceBranch,
      targetBranch: 'main',
      title: 'Add a line',
      authorId: agent.agentId,
      headOid: head,
      mergeable: true,
      diffStats: { filesChanged: 1, insertions: 1, deletions: 0 },
    });
    expect(stderr).toContain(`Opened pull request #1 (${pull!.prId}):`);
    expect(stderr).toContain(`${deployment.url}/v1/repos/${repoId}/pulls/${pull!.prId}`);
    expect(stderr).toContain(`HEAD -> ${sourceBranch}`);
    const { HEAD: _, ...all } = await refs();
    expect(all).toEqual({
      'refs/heads/main': (await git('rev-parse', 'HEAD~')).stdout.trim(),
      [`refs/heads/${sourceBranch}`]: head,
      'refs/pull/1/head': head,
    });
    const { events } = await agent.client.audit({ repo_id: repoId, limit: 2 });
    expect(events.map(({ action }) => action).sort()).toEqual(['pr_create', 'push']);
    expect(events.find(({ action }) => action === 'pr_create')!.data).toMatchObject({
      pr_id: pull!.prId,
      source_branch: sourceBranch,
      diff_stats: { files_changed: 1, insertions: 1, deletions: 0 },
      mergeable: true,
    });
  });

  test('topic and title; the same topic moves the pull request on, also when history was rewritten', async () => {
    await commit('one');
    await git('push', '-q', '-o', 'topic=fix/one', '-o', 'title=A better title', 'origin', 'HEAD:refs/for/main');
    const [opened] = await pulls();
    expect(opened).toMatchObject({ sourceBranch: 'for/proposer/fix/one', title: 'A better title' });
    await git('commit', '-q', '--amend', '-m', 'one, amended');
    const head = (await git('rev-parse', 'HEAD')).stdout.trim();
    const { stderr } = await git('push', '-o', 'topic=fix/one', 'origin', 'HEAD:refs/for/main');
    expect(stderr).toContain(`Updated pull request #1 (${opened!.prId})`);
    expect(stderr).toMatch(/\+ \S+\.\.\.\S+\s+HEAD -> for\/proposer\/fix\/one \(forced update\)/);
    const [moved, ...more] = await pulls();
    expect(more).toEqual([]);
    expect(moved).toMatchObject({ prId: opened!.prId, headOid: head });
    expect((await refs())['refs/pull/1/head']).toBe(head);
    // Nothing new is no mistake.
    await git('push', '-q', '-o', 'topic=fix/one', 'origin', 'HEAD:refs/for/main');
    expect(await pulls()).toHaveLength(1);
  });

  test('another topic and another target are pull requests of their own; a closed one is opened anew', async () => {
    await git('push', '-q', 'origin', 'main:dev');
    await commit('change');
    await git('push', '-q', '-o', 'topic=a', 'origin', 'HEAD:refs/for/main');
    await git('push', '-q', '-o', 'topic=b', 'origin', 'HEAD:refs/for/main');
    await git('push', '-q', '-o', 'topic=a', 'origin', 'HEAD:refs/for/dev');
    const opened = await pulls();
    expect(opened.map((pull) => `${pull.number} ${pull.sourceBranch} ${pull.targetBranch}`).sort()).toEqual([
      '1 for/proposer/a main',
      '2 for/proposer/b main',
      '3 for/proposer/a dev',
    ]);
    await agent.client.closePull(repoId, opened.find((pull) => pull.number === 2)!.prId);
    const { stderr } = await git('push', '-o', 'topic=b', 'origin', 'HEAD:refs/for/main');
    expect(stderr).toContain('Opened pull request #4');
  });

  test('what cannot be proposed is refused with a reason, and other refs of the push go through', async () => {
    await commit('change');
    const cases: [string[], RegExp][] = [
      [['HEAD:refs/for/nowhere'], /no branch 'nowhere' to open a pull request for; push that branch first/],
      [['-o', 'topic=a b', 'HEAD:refs/for/main'], /'for\/proposer\/a b' is no branch name; choose another topic/],
      [['-o', `topic=${'x'.repeat(200)}`, 'HEAD:refs/for/main'], /source branch has 213 characters, at most 128/],
      [['-o', `title=${'x'.repeat(513)}`, 'HEAD:refs/for/main'], /title has 513 characters, at most 512/],
      [['-o', 'title=', 'HEAD:refs/for/main'], /title is empty/],
      [['HEAD^{tree}:refs/for/main'], /a branch names a commit/],
    ];
    for (const [args, message] of cases) {
      const options = args.slice(0, -1);
      expect(await fails('push', ...options, 'origin', args.at(-1)!)).toMatch(message);
    }
    expect(await fails('push', 'origin', 'HEAD:refs/for/nowhere', 'HEAD:refs/heads/good')).toContain('HEAD -> good');
    expect(await fails('push', '--atomic', 'origin', 'HEAD:refs/for/nowhere', 'HEAD:refs/heads/bad')).toMatch(/atomic/);
    expect(Object.keys(await refs()).sort()).toEqual(['HEAD', 'refs/heads/good', 'refs/heads/main']);
    expect(await pulls()).toEqual([]);
  });

  test('two proposals of one push that would be one branch', async () => {
    await git('push', '-q', 'origin', 'main:dev');
    await commit('change');
    const stderr = await fails('push', '-o', 'topic=t', 'origin', 'HEAD:refs/for/main', 'HEAD:refs/for/dev');
    expect(stderr).toMatch(/another ref update of this push is for refs\/heads\/for\/proposer\/t too/);
    expect(await pulls()).toHaveLength(1);
  });

  test('together with a certificate, options and other refs, all or nothing', async () => {
    await agent.cli(['setup', deployment.url, '--sign-pushes']);
    const head = await commit('signed');
    await git(
      'push',
      '-q',
      '--signed',
      '--atomic',
      '-o',
      'topic=s',
      'origin',
      'HEAD:refs/for/main',
      'HEAD:refs/heads/x',
    );
    const { events } = await agent.client.audit({ repo_id: repoId, action: 'push', limit: 1 });
    const data = events[0]!.data as { push_event_id: string; proof: string; ref_updates: { refName: string }[] };
    expect(data.proof).toBe('proven');
    expect(data.ref_updates.map(({ refName }) => refName).sort()).toEqual([
      'refs/heads/for/proposer/s',
      'refs/heads/x',
    ]);
    const { certificate } = await agent.client.getPushCertificate(repoId, data.push_event_id);
    expect(certificate).toContain(`${'0'.repeat(40)} ${head} refs/for/main\n`);
  });
});
