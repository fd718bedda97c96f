import fs, { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import git from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded, s3 } from '../support/deployment.js';

const author = { name: 'Test Agent', email: 'agent@example.com' };

describe.each([embedded, s3])('isomorphic-git: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'isomorphic');
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  const onAuth = (url: string) => ({
    username: agent.agentId,
    password: agent.client.gitToken({ url, service: 'git-receive-pack' }),
  });

  test('clones what git pushed, pushes, and git clones that', async () => {
    const url = (await agent.createRepo('shared', 'private')).cloneUrl;
    const { dir: work, head } = await agent.sandbox.seedHistory({ seed: 21, commits: 80, merges: 6, tags: 3 });
    await agent.git(['push', '-q', url, 'main', '--tags'], { cwd: work });

    const dir = agent.sandbox.path('isomorphic');
    await git.clone({ fs, http, dir, url, onAuth: () => onAuth(url) });
    expect(await git.resolveRef({ fs, dir, ref: 'HEAD' })).toBe(head);
    expect(await git.listTags({ fs, dir })).toHaveLength(3);
    appendFileSync(join(dir, 'note.txt'), 'from another client\n');
    await git.add({ fs, dir, filepath: 'note.txt' });
    const pushed = await git.commit({ fs, dir, message: 'note', author });
    const result = await git.push({ fs, http, dir, url, ref: 'main', onAuth: () => onAuth(url) });
    expect(result.ok).toBe(true);

    const copy = agent.sandbox.path('copy');
    await agent.git(['clone', '-q', url, copy]);
    expect((await agent.git(['rev-parse', 'HEAD'], { cwd: copy })).stdout.trim()).toBe(pushed);
    expect(readFileSync(join(copy, 'note.txt'), 'utf8')).toBe('from another client\n');
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
  });

  test('is told why a push is refused', async () => {
    const url = (await agent.createRepo('refusing')).cloneUrl;
    const { dir } = await agent.sandbox.seedHistory({ seed: 22, commits: 5 });
    await git.push({ fs, http, dir, url, ref: 'main', onAuth: () => onAuth(url) });
    const deletion = git.push({ fs, http, dir, url, ref: 'main', delete: true, onAuth: () => onAuth(url) });
    await expect(deletion).rejects.toThrow(/deletion of the default branch is prohibited/);
    const stranger = git.push({ fs, http, dir, url, ref: 'main', remoteRef: 'x' });
    await expect(stranger).rejects.toThrow(/401/);
  });
});
