import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded } from '../support/deployment.js';
import type { SeededRepository } from '../support/git.js';

let deployment: Deployment;
let agent: TestAgent;
let source: SeededRepository;
let cloneUrl: string;
let count = 0;

const git = (dir: string, ...args: string[]) => agent.git(args, { cwd: dir });
const lines = async (dir: string, ...args: string[]) => (await git(dir, ...args)).stdout.split('\n').filter(Boolean);

beforeAll(async () => {
  deployment = await embedded.start();
  agent = await TestAgent.setup(deployment.url, 'shallow-fetcher');
  source = await agent.sandbox.seedHistory({ seed: 21, commits: 240, merges: 30, branches: 4, tags: 8, bare: true });
  await git(source.dir, 'config', 'uploadpack.allowFilter', 'true');
  await git(source.dir, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  cloneUrl = (await agent.createRepo('project')).cloneUrl;
  // Several pushes leave several packs; the branch that is pushed over leaves objects that no ref reaches.
  await git(source.dir, 'push', cloneUrl, 'main~60:refs/heads/main', 'topic/1~5:refs/heads/topic/2');
  await git(source.dir, 'push', '--force', cloneUrl, 'main~20:refs/heads/main', 'topic/3~3:refs/heads/topic/2');
  await git(source.dir, 'push', '--mirror', cloneUrl);
});

afterAll(async () => {
  agent?.dispose();
  await deployment?.stop();
});

/** The same clone from the real git and from the server. */
async function twins(version: number, ...args: string[]): Promise<{ ours: string; theirs: string }> {
  count += 1;
  const config = ['-c', `protocol.version=${version}`, '-c', 'protocol.file.allow=always'];
  const [ours, theirs] = [agent.sandbox.path(`ours-${count}`), agent.sandbox.path(`theirs-${count}`)];
  await agent.git([...config, 'clone', '-q', ...args, cloneUrl, ours]);
  await agent.git([...config, 'clone', '-q', ...args, `file://${source.dir}`, theirs]);
  for (const dir of [ours, theirs]) await git(dir, 'config', 'protocol.version', String(version));
  return { ours, theirs };
}

async function shallowFile(dir: string): Promise<string> {
  const [gitDir] = await lines(dir, 'rev-parse', '--absolute-git-dir');
  return join(gitDir!, 'shallow');
}

async function border(dir: string): Promise<string[]> {
  const path = await shallowFile(dir);
  return existsSync(path) ? readFileSync(path, 'latin1').split('\n').filter(Boolean).sort() : [];
}

/** Real git names border commits that it does not send; its own client fails later if they stay. */
async function dropAbsent(dir: string): Promise<void> {
  const named = await border(dir);
  const have = new Set((await objects(dir)).map((line) => line.slice(0, 40)));
  const kept = named.filter((oid) => have.has(oid));
  if (kept.length < named.length) writeFileSync(await shallowFile(dir), kept.map((oid) => `${oid}\n`).join(''));
}

const objects = (dir: string) =>
  lines(dir, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)');

async function expectSound(dir: string): Promise<void> {
  const { stdout, stderr } = await git(dir, 'fsck', '--strict');
  expect([stdout.replace(/^dangling .*\n/gm, ''), stderr.replace(/^(Checking|notice: ).*\n?/gm, '')]).toEqual(['', '']);
  await git(dir, 'log', '--all', '--oneline', '--stat');
}

async function expectTwins(ours: string, theirs: string): Promise<void> {
  await dropAbsent(theirs);
  expect(await agent.sandbox.refs(ours)).toEqual(await agent.sandbox.refs(theirs));
  expect(await border(ours)).toEqual(await border(theirs));
}

describe.each([0, 1, 2])('shallow clones over protocol v%i', (version) => {
  const variants = [
    ['--depth=1'],
    ['--depth=1', '--no-single-branch'],
    ['--depth=4', '--branch=topic/2'],
    ['--depth=7', '--no-single-branch'],
    ['--depth=3', '--branch=v0.0'],
    ['--depth=100000'],
    ['--shallow-since=1600050000'],
    ['--shallow-since=1600050000', '--no-single-branch'],
    ['--shallow-exclude=v2.0'],
    ['--shallow-exclude=light-1', '--shallow-exclude=refs/tags/v0.0', '--no-single-branch'],
    ['--single-branch', '--branch=topic/1'],
    ['--no-tags', '--depth=9'],
  ].map((args) => ({ args, name: args.join(' ') }));

  test.each(variants)('$name', async ({ args }) => {
    const { ours, theirs } = await twins(version, '--bare', ...args);
    await expectTwins(ours, theirs);
    expect(await objects(ours)).toEqual(await objects(theirs));
    await expectSound(ours);
  });

  test('a border moves there and back', async () => {
    const { ours, theirs } = await twins(version, '--bare', '--depth=2', '--no-single-branch');
    let seen = (await border(ours)).join();
    const steps = [
      ['--depth=6'],
      ['--deepen=4'],
      ['--depth=3'],
      ['--shallow-since=1600040000'],
      ['--shallow-exclude=v4.0'],
      ['--deepen=1'],
      ['--unshallow'],
    ];
    for (const step of steps) {
      for (const dir of [ours, theirs]) await git(dir, 'fetch', '-q', ...step, 'origin', '+refs/*:refs/*');
      await expectTwins(ours, theirs);
      await expectSound(ours);
      const now = (await border(ours)).join();
      expect(now).not.toBe(seen);
      seen = now;
    }
    expect(seen).toBe('');
    const all = await lines(source.dir, 'rev-list', '--objects', '--no-object-names', '--all');
    const have = new Set((await objects(ours)).map((line) => line.slice(0, 40)));
    expect(all.filter((oid) => !have.has(oid))).toEqual([]);
  });

  test('a full clone becomes shallow', async () => {
    const { ours, theirs } = await twins(version, '--bare', '--branch=topic/3', '--single-branch');
    for (const dir of [ours, theirs]) await git(dir, 'fetch', '-q', '--depth=3', 'origin', '+refs/*:refs/*');
    await expectTwins(ours, theirs);
    expect(await border(ours)).not.toEqual([]);
    await expectSound(ours);
  });

  test('what is pushed later reaches a shallow clone, thin, and what a shallow clone commits is accepted', async () => {
    const name = `grows-v${version}`;
    const { cloneUrl: url } = await agent.createRepo(name);
    await git(source.dir, 'push', '-q', url, 'main~30:refs/heads/main');
    const copy = agent.sandbox.path(name);
    await agent.git(['-c', `protocol.version=${version}`, 'clone', '-q', '--depth=1', url, copy]);
    await git(copy, 'config', 'protocol.version', String(version));
    const [shallow] = await border(copy);
    await git(source.dir, 'push', '-q', url, 'main:refs/heads/main', 'topic/2:refs/heads/topic/2');
    await git(copy, 'fetch', '-q', 'origin', '+refs/heads/*:refs/remotes/origin/*');
    expect(await border(copy)).toEqual([shallow]);
    await expectSound(copy);
    await git(copy, 'merge', '-q', '--ff-only', 'origin/main');
    await git(copy, 'commit', '-q', '--allow-empty', '-m', 'from a shallow clone');
    await git(copy, 'push', '-q', 'origin', 'HEAD:refs/heads/main');
    const refs = await agent.remoteRefs(url);
    expect(refs.get('refs/heads/main')).toBe((await lines(copy, 'rev-parse', 'HEAD'))[0]);
  });
});

test('a push that would make the repository shallow is refused in git’s words', async () => {
  const { cloneUrl: url } = await agent.createRepo('stays-whole');
  const copy = agent.sandbox.path('cut-off');
  await agent.git(['clone', '-q', '--depth=2', cloneUrl, copy]);
  const refused = await agent.git(['push', url, 'HEAD:refs/heads/main'], { cwd: copy, ok: false });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('shallow update not allowed');
  expect((await agent.remoteRefs(url)).size).toBe(0);
  await git(source.dir, 'push', '-q', url, 'main:refs/heads/main');
  await git(copy, 'push', '-q', url, 'HEAD:refs/heads/other');
  expect((await agent.remoteRefs(url)).get('refs/heads/other')).toBe(source.head);
});

test('a shallow push spoils only the refs that need what is cut off', async () => {
  const { cloneUrl: url } = await agent.createRepo('partly-whole');
  const copy = agent.sandbox.path('partly');
  await agent.git(['clone', '-q', '--depth=1', cloneUrl, copy]);
  await git(copy, 'checkout', '-q', '--orphan', 'island');
  await git(copy, 'commit', '-q', '--allow-empty', '-m', 'whole by itself');
  await git(copy, 'push', '-q', url, 'island', 'island:old');
  const island = (await lines(copy, 'rev-parse', 'island'))[0];
  const push = (...args: string[]) => agent.git(['push', ...args], { cwd: copy, ok: false });

  const mixed = await push(url, 'main', 'island:copy', ':old');
  expect(mixed.code).not.toBe(0);
  expect(mixed.stderr).toMatch(/main -> main \(shallow update not allowed: .* git fetch --unshallow, then push again/);
  const { HEAD: _, ...refs } = Object.fromEntries(await agent.remoteRefs(url));
  expect(refs).toEqual({ 'refs/heads/island': island, 'refs/heads/copy': island });

  await git(copy, 'checkout', '-q', 'island');
  await git(copy, 'commit', '-q', '--allow-empty', '-m', 'more');
  expect((await push('--atomic', url, 'main', 'island:other')).code).not.toBe(0);
  expect((await push(url, 'main', 'island')).stderr).toContain('island -> island\n');
  expect((await agent.remoteRefs(url)).get('refs/heads/island')).not.toBe(island);
});
