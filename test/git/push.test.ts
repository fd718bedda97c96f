import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';

describe.each(deployments)('git push: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let url: string;
  let work: string;
  let count = 0;

  const git = (...args: string[]) => agent.git(args, { cwd: work });
  const fails = (...args: string[]) => agent.git(args, { cwd: work, ok: false });
  const commit = async (file: string, text = `${Math.random()}\n`) => {
    appendFileSync(join(work, file), text);
    await git('add', '-A');
    await git('commit', '-q', '-m', `change ${file}`);
    return (await git('rev-parse', 'HEAD')).stdout.trim();
  };
  const remote = async (ref: string) => (await agent.remoteRefs(url)).get(ref);

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'pusher');
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  beforeEach(async () => {
    count += 1;
    url = (await agent.createRepo(`repo-${count}`)).cloneUrl;
    work = agent.sandbox.path(`work-${count}`);
    await agent.git(['clone', '-q', url, work]);
    await commit('README.md', '# hello\n');
    await git('push', '-q', 'origin', 'main');
  });

  test('a clone of an empty repository ends on the default branch', async () => {
    const empty = (await agent.createRepo(`empty-${count}`)).cloneUrl;
    const dir = agent.sandbox.path(`empty-${count}`);
    const { stderr } = await agent.git(['clone', empty, dir]);
    expect(stderr).toContain('You appear to have cloned an empty repository.');
    expect((await agent.git(['symbolic-ref', 'HEAD'], { cwd: dir })).stdout.trim()).toBe('refs/heads/main');
  });

  test('create, update, fetch', async () => {
    const first = await commit('a.txt');
    await git('push', '-q', 'origin', 'main');
    expect(await remote('refs/heads/main')).toBe(first);
    const other = agent.sandbox.path(`other-${count}`);
    await agent.git(['clone', '-q', url, other]);
    const second = await commit('a.txt');
    await git('push', '-q', 'origin', 'main');
    await agent.git(['pull', '-q'], { cwd: other });
    expect((await agent.git(['rev-parse', 'HEAD'], { cwd: other })).stdout.trim()).toBe(second);
    await agent.git(['fsck', '--strict', '--full'], { cwd: other });
  });

  test('a non-fast-forward needs --force, and is then applied', async () => {
    const before = await remote('refs/heads/main');
    await git('commit', '-q', '--amend', '-m', 'rewritten');
    const refused = await fails('push', 'origin', 'main');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('non-fast-forward');
    expect(await remote('refs/heads/main')).toBe(before);
    const forced = await git('push', '--force', 'origin', 'main');
    expect(forced.stderr).toContain('(forced update)');
    expect(await remote('refs/heads/main')).toBe((await git('rev-parse', 'HEAD')).stdout.trim());
    const copy = agent.sandbox.path(`forced-${count}`);
    await agent.git(['clone', '-q', '--mirror', url, copy]);
    const gone = await agent.git(['cat-file', '-e', before ?? ''], { cwd: copy, ok: false });
    expect(gone.code, 'what no ref reaches is not served').not.toBe(0);
  });

  test('delete a branch, but not the default one', async () => {
    await git('push', '-q', 'origin', 'main:refs/heads/gone');
    await git('push', '-q', 'origin', '--delete', 'gone');
    expect(await remote('refs/heads/gone')).toBeUndefined();
    const refused = await fails('push', 'origin', '--delete', 'main');
    expect(refused.stderr).toContain('deletion of the default branch is prohibited');
    expect(await remote('refs/heads/main')).toBeDefined();
  });

  test('tags, annotated and not, are peeled and followed', async () => {
    await git('tag', 'light');
    await git('tag', '-a', '-m', 'one', 'one');
    await git('tag', '-a', '-m', 'tag of a tag', 'two', 'one');
    await git('push', '-q', 'origin', '--tags');
    const refs = await agent.remoteRefs(url);
    const head = (await git('rev-parse', 'HEAD')).stdout.trim();
    expect(refs.get('refs/tags/light')).toBe(head);
    expect(refs.get('refs/tags/one^{}')).toBe(head);
    expect(refs.get('refs/tags/two^{}')).toBe(head);
    const copy = agent.sandbox.path(`tags-${count}`);
    await agent.git(['clone', '-q', '--no-tags', url, copy]);
    await commit('later.txt');
    await git('tag', '-a', '-m', 'new', 'new');
    await git('push', '-q', 'origin', 'main', 'new');
    await agent.git(['config', '--unset', 'remote.origin.tagOpt'], { cwd: copy });
    await agent.git(['fetch', '-q'], { cwd: copy });
    expect((await agent.git(['cat-file', '-t', 'refs/tags/new'], { cwd: copy })).stdout.trim()).toBe('tag');
  });

  test('refs may point at trees and blobs outside of refs/heads', async () => {
    const tree = (await git('rev-parse', 'HEAD^{tree}')).stdout.trim();
    const blob = (await agent.git(['hash-object', '-w', '--stdin'], { cwd: work, input: 'loose end\n' })).stdout.trim();
    await git('push', '-q', 'origin', `${tree}:refs/tags/tree`, `${blob}:refs/tags/blob`);
    const copy = agent.sandbox.path(`odd-${count}`);
    await agent.git(['clone', '-q', '--mirror', url, copy]);
    expect((await agent.git(['cat-file', 'blob', 'refs/tags/blob'], { cwd: copy })).stdout).toBe('loose end\n');
    await agent.git(['fsck', '--strict', '--full'], { cwd: copy });
    const refused = await agent.git(['push', 'origin', `${blob}:refs/heads/blob`], { cwd: work, ok: false });
    expect(refused.code).not.toBe(0);
  });

  test('many refs at once', async () => {
    const head = (await git('rev-parse', 'HEAD')).stdout.trim();
    const input = Array.from({ length: 400 }, (_, i) => `create refs/heads/many/${i} ${head}\n`).join('');
    await agent.git(['update-ref', '--stdin'], { cwd: work, input });
    await git('push', '-q', 'origin', 'refs/heads/many/*:refs/heads/many/*');
    const refs = await agent.remoteRefs(url);
    expect([...refs.keys()].filter((name) => name.startsWith('refs/heads/many/'))).toHaveLength(400);
    const some = (await git('ls-remote', 'origin', 'refs/heads/many/1*')).stdout.split('\n').filter(Boolean);
    expect(some).toHaveLength(111);
  });

  test('refusals name the ref and the reason, the others go through', async () => {
    await git('branch', 'good');
    const { stderr, code } = await fails(
      'push',
      'origin',
      'good',
      'main:refs/pull/1/head',
      'main:refs/heads/main/below',
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/refs\/pull\/1\/head.*hidden ref/);
    expect(stderr).toMatch(/main\/below.*'refs\/heads\/main' exists/);
    const refs = await agent.remoteRefs(url);
    expect(refs.has('refs/heads/good')).toBe(true);
    expect([...refs.keys()].some((name) => name.includes('below') || name.includes('pull'))).toBe(false);
  });

  test('--atomic is all or nothing', async () => {
    await git('branch', 'fine');
    const { stderr } = await fails('push', '--atomic', 'origin', 'fine', 'main:refs/pull/1/head');
    expect(stderr).toContain('atomic');
    expect(await remote('refs/heads/fine')).toBeUndefined();
  });

  test('two clients race for one branch: one wins, the other is told to fetch', async () => {
    const other = agent.sandbox.path(`race-${count}`);
    await agent.git(['clone', '-q', url, other]);
    await commit('left.txt');
    writeFileSync(join(other, 'right.txt'), 'right\n');
    await agent.git(['add', '-A'], { cwd: other });
    await agent.git(['commit', '-q', '-m', 'right'], { cwd: other });
    const results = await Promise.all([
      fails('push', 'origin', 'main'),
      agent.git(['push', 'origin', 'main'], { cwd: other, ok: false }),
    ]);
    const winners = results.filter((result) => result.code === 0);
    expect(winners).toHaveLength(1);
    const loser = results.find((result) => result.code !== 0);
    expect(loser?.stderr).toMatch(/fetch first|rejected/);
  });

  test('a push above the post buffer is chunked and preceded by a probe', async () => {
    const bytes = Buffer.alloc(3 * 1024 * 1024, 0);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE((Math.imul(i, 2654435761) ^ (i >>> 3)) >>> 0, i);
    writeFileSync(join(work, 'big.bin'), bytes);
    await git('add', '-A');
    await git('commit', '-q', '-m', 'big');
    const { stderr } = await agent.git(['push', 'origin', 'main'], { cwd: work, env: { GIT_CURL_VERBOSE: '1' } });
    expect(stderr).toContain('Transfer-Encoding: chunked');
    const copy = agent.sandbox.path(`big-${count}`);
    await agent.git(['clone', '-q', url, copy]);
    expect((await agent.git(['rev-parse', 'HEAD:big.bin'], { cwd: copy })).stdout).toBe(
      (await git('rev-parse', 'HEAD:big.bin')).stdout,
    );
  });

  test('a repository first pushed from master checks out master', async () => {
    const target = (await agent.createRepo(`master-${count}`)).cloneUrl;
    await git('push', '-q', target, 'main:refs/heads/master');
    const copy = agent.sandbox.path(`master-${count}`);
    await agent.git(['clone', '-q', target, copy]);
    expect((await agent.git(['symbolic-ref', 'HEAD'], { cwd: copy })).stdout.trim()).toBe('refs/heads/master');
  });

  test('every URL prefix of a repository works', async () => {
    const { repoId, cloneUrl } = await agent.client.repo(new URL(url).pathname.slice(1).replace(/\.git$/, ''));
    const base = deployment.url;
    const head = (await git('rev-parse', 'HEAD')).stdout.trim();
    const prefixes = [
      `${base}/v1/repos/${repoId}`,
      `${base}/v1/repos/${repoId}.git`,
      `${base}/v1/repos/${repoId}/clone`,
      cloneUrl,
      cloneUrl.replace(/\.git$/, ''),
    ];
    for (const [i, prefix] of prefixes.entries()) {
      await git('push', '-q', prefix, `main:refs/heads/via-${i}`);
      expect((await agent.remoteRefs(prefix)).get(`refs/heads/via-${i}`)).toBe(head);
    }
  });
});
