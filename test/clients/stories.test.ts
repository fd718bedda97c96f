/** The same stories with every other client: what it does is held against the real git. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, s3 } from '../support/deployment.js';
import { Random } from '../support/random.js';
import type { OtherClient } from './client.js';
import { isomorphicGit } from './isomorphic-git.js';
import { jgit } from './jgit.js';
import { dulwich, libgit2 } from './python.js';

const MiB = 1024 * 1024;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await s3.start();
});
afterAll(() => deployment?.stop());

const clients = [
  { name: 'JGit', create: jgit },
  { name: 'dulwich', create: dulwich },
  { name: 'libgit2', create: libgit2 },
  { name: 'isomorphic-git', create: isomorphicGit },
];

describe.each(clients)('$name', ({ name, create }) => {
  let agent: TestAgent;
  let client: OtherClient;
  let url: string;
  let work: string;
  let dir: string;
  let count = 0;

  const git = async (cwd: string, ...args: string[]) => (await agent.git(args, { cwd })).stdout.trim();
  const login = () => ({
    user: agent.agentId,
    password: agent.client.gitToken({ url, service: 'git-receive-pack' }),
  });
  const at = () => ({ dir, url, login });
  const change = async (file: string, content: string | Uint8Array) => {
    mkdirSync(join(dir, file, '..'), { recursive: true });
    writeFileSync(join(dir, file), content);
    expect(await client.commit(dir, file, `change ${file}`)).toBeUndefined();
    return git(dir, 'rev-parse', 'HEAD');
  };
  const remote = async (ref: string) => (await agent.remoteRefs(url)).get(ref);
  const fsck = async (path: string) =>
    expect(await git(path, 'fsck', '--strict', '--full', '--no-dangling', '--no-reflogs')).toBe('');

  beforeAll(async () => {
    agent = await TestAgent.setup(deployment.url, name.toLowerCase());
    client = create(agent.sandbox);
    const seeded = await agent.sandbox.seedHistory({ seed: 31, commits: 80, merges: 6, tags: 3 });
    work = seeded.dir;
  });
  afterAll(() => agent?.dispose());

  beforeEach(async () => {
    count += 1;
    url = (await agent.createRepo(`repo-${count}`, 'private')).cloneUrl;
    await git(work, 'push', '-q', url, 'main', '--tags');
    dir = agent.sandbox.path(`clone-${count}`);
    expect(await client.clone(at())).toBeUndefined();
  });

  test('clones what git pushed, and fetches what git pushes later', async () => {
    const everything = (path: string) => git(path, 'rev-list', '--objects', '--no-object-names', 'main', '--tags');
    const sorted = (lines: string) => lines.split('\n').sort();
    expect(await git(dir, 'rev-parse', 'HEAD')).toBe(await git(work, 'rev-parse', 'HEAD'));
    expect(sorted(await everything(dir))).toEqual(sorted(await everything(work)));
    expect(await git(dir, 'for-each-ref', 'refs/tags')).toBe(await git(work, 'for-each-ref', 'refs/tags'));
    expect(await git(dir, 'status', '--porcelain')).toBe('');
    await fsck(dir);

    const other = agent.sandbox.path(`other-${count}`);
    await agent.git(['clone', '-q', url, other]);
    writeFileSync(join(other, 'later.txt'), 'later\n');
    await git(other, 'add', '.');
    await git(other, 'commit', '-q', '-m', 'later');
    await git(other, 'push', '-q', 'origin', 'main', 'main:topic');
    expect(await client.fetch(at())).toBeUndefined();
    for (const branch of ['main', 'topic']) {
      expect(await git(dir, 'rev-parse', `refs/remotes/origin/${branch}`)).toBe(await git(other, 'rev-parse', 'main'));
    }
    await fsck(dir);
  });

  test('pushes small and large changes, and git clones them', async () => {
    await change('deep/note.txt', 'from another client\n');
    expect(await client.push({ ...at(), refspecs: ['refs/heads/main:refs/heads/main'] })).toBeUndefined();
    // More than a client holds back to know the length of its request.
    const large = await change('large.bin', new Random(7).bytes(3 * MiB));
    expect(await client.push({ ...at(), refspecs: ['refs/heads/main:refs/heads/main'] })).toBeUndefined();
    expect(await remote('refs/heads/main')).toBe(large);

    const copy = agent.sandbox.path(`copy-${count}`);
    await agent.git(['clone', '-q', url, copy]);
    expect(await git(copy, 'rev-parse', 'HEAD^{tree}')).toBe(await git(dir, 'rev-parse', 'HEAD^{tree}'));
    await fsck(copy);
  });

  test('is refused where history would be lost, and may force', async () => {
    const before = await remote('refs/heads/main');
    await git(dir, 'reset', '-q', '--hard', 'HEAD~2');
    const rewritten = await change('rewritten.txt', 'other history\n');
    const main = ['refs/heads/main:refs/heads/main'];
    expect(await client.push({ ...at(), refspecs: main })).toMatch(/fast.?forward|diverged/i);
    expect(await remote('refs/heads/main')).toBe(before);
    expect(await client.push({ ...at(), refspecs: main, force: true })).toBeUndefined();
    expect(await remote('refs/heads/main')).toBe(rewritten);
  });

  test('creates and deletes branches and tags, but not the default branch', async () => {
    expect(await client.tag(dir, 'v9', 'release 9')).toBeUndefined();
    const made = ['refs/tags/v9:refs/tags/v9', 'refs/heads/main:refs/heads/side'];
    expect(await client.push({ ...at(), refspecs: made })).toBeUndefined();
    expect(await remote('refs/tags/v9')).toBe(await git(dir, 'rev-parse', 'refs/tags/v9'));
    expect(await remote('refs/tags/v9^{}')).toBe(await git(dir, 'rev-parse', 'HEAD'));
    expect(await remote('refs/heads/side')).toBe(await git(dir, 'rev-parse', 'HEAD'));

    expect(await client.push({ ...at(), refspecs: [':refs/tags/v9', ':refs/heads/side'] })).toBeUndefined();
    expect((await agent.remoteRefs(url)).has('refs/tags/v9')).toBe(false);
    expect((await agent.remoteRefs(url)).has('refs/heads/side')).toBe(false);
    const refused = await client.push({ ...at(), refspecs: [':refs/heads/main'] });
    expect(refused).toContain('deletion of the default branch is prohibited');
  });

  test('clones a part of the history, or says that it cannot', async () => {
    const shallow = agent.sandbox.path(`shallow-${count}`);
    const failure = await client.clone({ ...at(), dir: shallow, depth: 2 });
    if (!client.shallow) return expect(failure).toMatch(/depth/);
    expect(failure).toBeUndefined();
    const reference = agent.sandbox.path(`reference-${count}`);
    await agent.git(['clone', '-q', '--depth=2', url, reference]);
    for (const question of [
      ['rev-list', 'HEAD'],
      ['rev-parse', 'HEAD^{tree}'],
      ['rev-parse', '--is-shallow-repository'],
    ]) {
      expect(await git(shallow, ...question)).toBe(await git(reference, ...question));
    }
    await fsck(shallow);
  });

  test('is turned away without or with wrong credentials', async () => {
    const wrong = { user: agent.agentId, password: 'gct1.wrong.token' };
    for (const [index, who] of [undefined, () => wrong].entries()) {
      const nowhere = agent.sandbox.path(`nowhere-${count}-${index}`);
      expect(await client.clone({ url, dir: nowhere, login: who })).toBeDefined();
      expect(await client.push({ ...at(), login: who, refspecs: ['refs/heads/main:refs/heads/x'] })).toBeDefined();
    }
    expect((await agent.remoteRefs(url)).has('refs/heads/x')).toBe(false);
  });
});
