import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/signing/index.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';

describe.each(deployments)('branch protection against plain git: $name', (kind) => {
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
  const commit = async () => {
    appendFileSync(join(work, 'file.txt'), 'line\n');
    await git('add', '-A');
    await git('commit', '-q', '-m', 'change');
    return (await git('rev-parse', 'HEAD')).stdout.trim();
  };
  const remote = async (ref: string) => (await agent.remoteRefs(url)).get(ref);
  const protect = (pattern: string, rule: JsonObject) =>
    agent.client.request('PUT', `/v1/repos/${repoId}/protection/${encodeURIComponent(pattern)}`, {
      action: 'protection_set',
      body: { repoId, pattern, ...rule },
    });

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'guarded');
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
    await commit();
    await git('push', '-q', 'origin', 'main', 'main:release/1/x', 'main:topic');
  });

  test('force pushes are refused with what to do instead; fast-forwards go through', async () => {
    await protect('main', {});
    const before = await remote('refs/heads/main');
    await git('commit', '-q', '--amend', '-m', 'rewritten');
    expect(await fails('push', '--force', 'origin', 'main')).toMatch(
      /main -> main \(protected branch: force pushes are refused; fetch, merge or rebase, and push again \(rule 'main'\)\)/,
    );
    expect(await remote('refs/heads/main')).toBe(before);
    await git('push', '-q', '--force', 'origin', 'main:topic');
    await git('reset', '-q', '--hard', before!);
    const next = await commit();
    await git('push', '-q', 'origin', 'main');
    expect(await remote('refs/heads/main')).toBe(next);
  });

  test('deletions are refused, until the rule is lifted', async () => {
    await protect('release/**', {});
    expect(await fails('push', 'origin', '--delete', 'release/1/x')).toContain(
      "protected branch: it cannot be deleted; ask an admin to lift the rule (rule 'release/**')",
    );
    expect(await remote('refs/heads/release/1/x')).toBeDefined();
    await agent.client.request('DELETE', `/v1/repos/${repoId}/protection/release%2F**`, {
      action: 'protection_delete',
      body: { repoId, pattern: 'release/**' },
    });
    await git('push', '-q', 'origin', '--delete', 'release/1/x');
  });

  test('a branch that needs approvals tells to open a pull request; the other refs of the push go through', async () => {
    await protect('main', { requiredApprovals: 2, requiredCi: true });
    const before = await remote('refs/heads/main');
    const next = await commit();
    expect(await fails('push', 'origin', 'main', 'main:fresh')).toMatch(
      /\[remote rejected\] main -> main \(protected branch: push another branch and open a pull request, which needs 2 approvals and passing CI/,
    );
    expect([await remote('refs/heads/main'), await remote('refs/heads/fresh')]).toEqual([before, next]);
    const atomic = await fails('push', '--atomic', 'origin', 'main', 'main:fresher');
    expect(atomic).toContain('protected branch');
    expect(await remote('refs/heads/fresher')).toBeUndefined();
  });

  test('a branch that needs signed pushes says how to sign', async () => {
    await protect('to*', { requiredPushCert: true });
    await commit();
    expect(await fails('push', 'origin', 'main:topic')).toContain(
      'protected branch: pushes must be signed; use git push --signed',
    );
  });

  test('the first push of a protected branch is a creation and allowed', async () => {
    ({ cloneUrl: url, repoId } = await agent.createRepo(`empty-${count}`));
    await protect('main', { requiredApprovals: 1 });
    await git('push', '-q', url, 'main');
    await commit();
    expect(await fails('push', url, 'main')).toContain('needs 1 approval ');
  });

  test('the default branch that counts is the one of the moment', async () => {
    await agent.client.request('PATCH', `/v1/repos/${repoId}`, {
      action: 'repo_update',
      body: { repoId, defaultBranch: 'topic' },
    });
    const copy = agent.sandbox.path(`head-${count}`);
    await agent.git(['clone', '-q', url, copy]);
    expect((await agent.git(['symbolic-ref', 'HEAD'], { cwd: copy })).stdout.trim()).toBe('refs/heads/topic');
    expect(await fails('push', 'origin', '--delete', 'topic')).toContain(
      'deletion of the default branch is prohibited',
    );
    await git('push', '-q', 'origin', '--delete', 'main');
  });

  test('a renamed repository keeps its content and answers at its new name', async () => {
    const head = await remote('refs/heads/main');
    const name = `renamed-${count}`;
    const moved = await agent.client.request<{ cloneUrl: string }>('PATCH', `/v1/repos/${repoId}`, {
      action: 'repo_update',
      body: { repoId, name },
    });
    expect(moved.cloneUrl).toContain(`/${name}.git`);
    const old = await agent.git(['ls-remote', url], { ok: false });
    expect(old.code).not.toBe(0);
    url = moved.cloneUrl;
    expect(await remote('refs/heads/main')).toBe(head);
    await commit();
    await git('push', '-q', url, 'main');
  });
});
