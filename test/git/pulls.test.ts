import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError } from '../../src/client/index.js';
import type { JsonObject } from '../../src/signing/index.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';

interface Pull {
  prId: string;
  number: number;
  status: string;
  mergeable: boolean;
  isApproved: boolean;
  reviewCount: number;
  headOid: string;
  diffStats: { filesChanged: number; insertions: number; deletions: number };
}

const NAMES = ['ada', 'bob', 'cyd', 'dan', 'eve'];
const LINES = Array.from({ length: 40 }, (_, i) => `line ${i + 1}`);

describe.each(deployments)('five agents on one repository: $name', (kind) => {
  let deployment: Deployment;
  let agents: TestAgent[];
  let url: string;
  let repoId: string;
  const pulls: Pull[] = [];

  beforeAll(async () => {
    deployment = await kind.start();
    agents = await Promise.all(NAMES.map((name) => TestAgent.setup(deployment.url, name)));
    const [owner] = agents as [TestAgent];
    ({ cloneUrl: url, repoId } = await owner.createRepo('shared'));
    for (const agent of agents.slice(1)) await owner.client.grantAccess(repoId, agent.agentId, 'write');
    await owner.git(['init', '-q', '-b', 'main', work(owner)]);
    write(owner, { 'src/app.txt': `${LINES.join('\n')}\n`, 'docs/guide.txt': 'guide\n' });
    await commit(owner, 'start');
    await owner.git(['push', '-q', url, 'main'], { cwd: work(owner) });
    await Promise.all(agents.slice(1).map((agent) => agent.git(['clone', '-q', url, work(agent)])));
  });

  afterAll(async () => {
    for (const agent of agents ?? []) agent.dispose();
    await deployment?.stop();
  });

  const work = (agent: TestAgent) => agent.sandbox.path('work');
  const write = (agent: TestAgent, files: Record<string, string>) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(work(agent), path)), { recursive: true });
      writeFileSync(join(work(agent), path), content);
    }
  };
  const git = async (agent: TestAgent, ...args: string[]) =>
    (await agent.git(args, { cwd: work(agent) })).stdout.trim();
  const commit = async (agent: TestAgent, message: string) => {
    await git(agent, 'add', '-A');
    await git(agent, 'commit', '-q', '-m', message);
    return git(agent, 'rev-parse', 'HEAD');
  };
  const call = <T>(agent: TestAgent, path: string, action: string, body: JsonObject): Promise<T> =>
    agent.client.request('POST', `/v1/repos/${repoId}/pulls${path}`, { action, body: { repoId, ...body } });
  const show = (prId: string) => agents[0]!.client.request<Pull>('GET', `/v1/repos/${repoId}/pulls/${prId}`);
  const merge = (agent: TestAgent, { prId }: Pull, mergeStrategy: string) =>
    call<{ mergeCommitOid: string }>(agent, `/${prId}/merge`, 'pr_merge', { prId, mergeStrategy });
  const refusal = async (attempt: Promise<unknown>) => {
    const error = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof ApiError)) throw new Error('this should have been refused', { cause: error });
    return error;
  };
  /** `src/app.txt` with some lines replaced. */
  const app = (changes: Record<number, string>) => `${LINES.map((line, i) => changes[i + 1] ?? line).join('\n')}\n`;

  /** What each agent does on its branch, as commits. */
  const plans: Record<string, string>[][] = [
    [{ 'src/app.txt': app({ 3: 'ada was here' }) }],
    [{ 'src/bob.txt': 'bob\n' }, { 'src/bob.txt': 'bob\nagain\n' }],
    [{ 'src/app.txt': app({ 20: 'cyd was here' }) }, { 'docs/cyd.txt': 'cyd\n' }],
    [{ 'docs/guide.txt': 'better guide\n' }],
    [{ 'src/app.txt': app({ 3: 'eve was here' }), 'docs/eve.txt': 'eve\n' }],
  ];

  test('each works on a branch, pushes it with plain git and opens a pull request', async () => {
    await Promise.all(
      agents.map(async (agent, i) => {
        await git(agent, 'checkout', '-q', '-b', `${agent.name}/work`);
        for (const [j, files] of plans[i]!.entries()) {
          write(agent, files);
          await commit(agent, `${agent.name} ${j}`);
        }
        await git(agent, 'push', '-q', url, `${agent.name}/work`);
        const body = {
          sourceBranch: `${agent.name}/work`,
          targetBranch: 'main',
          title: `By ${agent.name}`,
          description: null,
        };
        pulls[i] = await call<Pull>(agent, '', 'pr_create', body);
      }),
    );
    expect(pulls.map((pull) => pull.number).sort()).toEqual([1, 2, 3, 4, 5]);
    for (const [i, pull] of pulls.entries()) {
      expect(pull).toMatchObject({ mergeable: true, headOid: await git(agents[i]!, 'rev-parse', 'HEAD') });
    }
  });

  test('each reviews the next one, after fetching it with plain git', async () => {
    await Promise.all(
      agents.map(async (agent, i) => {
        const pull = pulls[(i + 1) % agents.length]!;
        await git(agent, 'fetch', '-q', url, `refs/pull/${pull.number}/head`);
        expect(await git(agent, 'rev-parse', 'FETCH_HEAD')).toBe(pull.headOid);
        await call(agent, `/${pull.prId}/reviews`, 'pr_review', { prId: pull.prId, verdict: 'approve', body: 'fine' });
      }),
    );
    for (const { prId } of pulls) expect(await show(prId)).toMatchObject({ isApproved: true, reviewCount: 1 });
    const own = { prId: pulls[0]!.prId, verdict: 'approve', body: null };
    const refused = await refusal(call(agents[0]!, `/${own.prId}/reviews`, 'pr_review', own));
    expect(refused.code).toBe('SELF_APPROVAL_NOT_ALLOWED');
  });

  test('four are merged in three ways, and the conflicting one is refused with its paths', async () => {
    for (const [i, strategy] of ['merge', 'squash', 'rebase', 'merge'].entries()) {
      const { mergeCommitOid } = await merge(agents[i]!, pulls[i]!, strategy);
      expect((await agents[i]!.remoteRefs(url)).get('refs/heads/main')).toBe(mergeCommitOid);
    }
    expect(await show(pulls[4]!.prId)).toMatchObject({ status: 'open', mergeable: false });
    const refused = await refusal(merge(agents[4]!, pulls[4]!, 'merge'));
    expect([refused.status, refused.code, refused.details]).toEqual([
      409,
      'MERGE_CONFLICTS',
      { conflicts: ['src/app.txt'] },
    ]);
  });

  test('its author resolves the conflict with plain git; the pull request follows and is merged', async () => {
    const eve = agents[4]!;
    await git(eve, 'fetch', '-q', url, 'main');
    const failed = await eve.git(['merge', '-q', 'FETCH_HEAD'], { cwd: work(eve), ok: false });
    expect(failed.code).not.toBe(0);
    const resolved = app({ 3: 'ada and eve were here', 20: 'cyd was here' });
    write(eve, { 'src/app.txt': resolved });
    const head = await commit(eve, 'resolve');
    await git(eve, 'push', '-q', url, 'eve/work');
    expect(await show(pulls[4]!.prId)).toMatchObject({ headOid: head, mergeable: true });
    await merge(eve, pulls[4]!, 'squash');
    await git(eve, 'fetch', '-q', url, 'main');
    expect(await git(eve, 'show', 'FETCH_HEAD:src/app.txt')).toBe(resolved.trim());
  });

  test('a fresh clone is sound and has the work of all', async () => {
    const reader = agents[1]!;
    const copy = reader.sandbox.path('copy');
    await reader.git(['clone', '-q', '--mirror', url, copy]);
    const fsck = await reader.git(['fsck', '--strict', '--full'], { cwd: copy });
    expect([fsck.stdout, fsck.stderr.replace(/^(Checking|notice: ).*\n?/gm, '')]).toEqual(['', '']);
    const tree = reader.sandbox.path('tree');
    await reader.git(['clone', '-q', url, tree]);
    expect((await reader.git(['ls-files'], { cwd: tree })).stdout.trim().split('\n')).toEqual([
      'docs/cyd.txt',
      'docs/eve.txt',
      'docs/guide.txt',
      'src/app.txt',
      'src/bob.txt',
    ]);
    expect(readFileSync(join(tree, 'docs/guide.txt'), 'utf8')).toBe('better guide\n');
    const subjects = (await reader.git(['log', '--first-parent', '--format=%s'], { cwd: tree })).stdout
      .trim()
      .split('\n');
    expect(subjects).toEqual([
      'By eve',
      `Merge pull request ${pulls[3]!.prId} from dan/work`,
      'cyd 1',
      'cyd 0',
      'By bob',
      `Merge pull request ${pulls[0]!.prId} from ada/work`,
      'start',
    ]);
    const authors = (await reader.git(['log', '--format=%ae|%ce', '-2', 'HEAD^^'], { cwd: tree })).stdout.trim();
    const committer = `${agents[2]!.agentId}@agents.gitclaw`;
    expect(authors.split('\n')).toEqual([`agent@example.com|${committer}`, `agent@example.com|${committer}`]);
    const { pulls: listed } = await reader.client.request<{ pulls: Pull[] }>('GET', `/v1/repos/${repoId}/pulls`, {
      query: { status: 'merged' },
    });
    expect(listed.map((pull) => pull.number)).toEqual([5, 4, 3, 2, 1]);
  });
});
