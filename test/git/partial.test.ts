import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded } from '../support/deployment.js';
import type { SeededRepository } from '../support/git.js';

let deployment: Deployment;
let agent: TestAgent;
let source: SeededRepository;
let cloneUrl: string;
let count = 0;
/** A blob and a tree that were pushed, and that no ref reaches any more. */
let lost: string[];

const git = (dir: string, ...args: string[]) => agent.git(args, { cwd: dir });
const lines = async (dir: string, ...args: string[]) => (await git(dir, ...args)).stdout.split('\n').filter(Boolean);
const objects = (dir: string) =>
  lines(dir, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)');

beforeAll(async () => {
  deployment = await embedded.start();
  agent = await TestAgent.setup(deployment.url, 'partial-fetcher');
  source = await agent.sandbox.seedHistory({ seed: 33, commits: 160, merges: 16, branches: 3, tags: 6, bare: true });
  await git(source.dir, 'config', 'uploadpack.allowFilter', 'true');
  await git(source.dir, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  cloneUrl = (await agent.createRepo('project')).cloneUrl;
  await git(source.dir, 'push', cloneUrl, 'main~40:refs/heads/main');
  // One pack with what stays and what goes, so that its objects must be proven one by one.
  const work = agent.sandbox.path('work');
  await agent.git(['clone', '-q', '--branch=topic/1', source.dir, work]);
  await agent.git(['hash-object', '-w', '--stdin'], { cwd: work, input: 'forget me\n' });
  await agent.git(['update-index', '--add', '--cacheinfo', '100644', await hash('forget me\n'), 'secret/file'], {
    cwd: work,
  });
  await git(work, 'commit', '-q', '-m', 'a mistake');
  lost = [await hash('forget me\n'), ...(await lines(work, 'rev-parse', 'HEAD:secret'))];
  await git(work, 'push', '-q', cloneUrl, 'HEAD:refs/heads/mistake', 'HEAD~1:refs/heads/topic/1');
  await git(work, 'push', '-q', cloneUrl, ':refs/heads/mistake');
  await git(source.dir, 'push', '--mirror', cloneUrl);
});

afterAll(async () => {
  agent?.dispose();
  await deployment?.stop();
});

async function hash(text: string): Promise<string> {
  return (await agent.git(['hash-object', '--stdin'], { input: text })).stdout.trim();
}

async function clone(version: number, from: string, args: string[]): Promise<string> {
  count += 1;
  const dir = agent.sandbox.path(`clone-${count}`);
  await agent.git(['-c', `protocol.version=${version}`, 'clone', '-q', ...args, from, dir]);
  await git(dir, 'config', 'protocol.version', String(version));
  return dir;
}

describe.each([0, 2])('partial clones over protocol v%i', (version) => {
  const variants = [
    ['blob:none'],
    ['blob:limit=0'],
    ['blob:limit=300'],
    ['blob:limit=1k'],
    ['tree:0'],
    ['tree:1'],
    ['tree:2'],
    ['tree:3'],
    ['object:type=commit'],
    ['object:type=tree'],
    ['object:type=blob'],
    ['object:type=tag'],
    ['combine:blob:none+tree:2'],
    ['combine:combine%3ablob%3anone+object:type=tree'],
    ['blob:none', '--depth=5'],
    ['tree:1', '--depth=3', '--no-single-branch'],
    ['blob:none', '--single-branch'],
  ].map(([filter, ...args]) => ({ options: [`--filter=${filter}`, ...args], name: [filter, ...args].join(' ') }));

  test.each(variants)('$name holds what a clone of the real git holds', async (variant) => {
    const options = ['--bare', ...variant.options];
    const ours = await clone(version, cloneUrl, options);
    const theirs = await clone(version, `file://${source.dir}`, options);
    expect(await agent.sandbox.refs(ours)).toEqual(await agent.sandbox.refs(theirs));
    expect(await objects(ours)).toEqual(await objects(theirs));
  });

  test.each([
    ['tree:3', 'blob:limit=400'],
    ['object:type=blob', 'tree:2'],
  ])('%s and %s together let pass what both let pass', async (one, other) => {
    // Real git forgets a blob that it first meets too deep, so each filter is asked alone.
    const ours = await clone(version, cloneUrl, ['--bare', `--filter=combine:${one}+${other}`]);
    const [left, right] = await Promise.all(
      [one, other].map(async (filter) =>
        objects(await clone(version, `file://${source.dir}`, ['--bare', `--filter=${filter}`])),
      ),
    );
    expect(await objects(ours)).toEqual(left?.filter((line) => right?.includes(line)));
  });

  test.each([['blob:none'], ['tree:0'], ['blob:limit=200']])(
    'a clone with %s fetches what it needs',
    async (filter) => {
      const dir = await clone(version, cloneUrl, [`--filter=${filter}`]);
      const [head] = await lines(dir, 'rev-parse', 'HEAD');
      expect(head).toBe(source.head);
      expect(await lines(dir, 'status', '--porcelain')).toEqual([]);
      for (const branch of ['topic/1', 'topic/2', 'v0.0']) {
        await git(dir, 'checkout', '-q', branch);
        const [ours] = await lines(dir, 'rev-parse', 'HEAD^{tree}');
        const [theirs] = await lines(source.dir, 'rev-parse', `${branch}^{tree}`);
        expect(ours).toBe(theirs);
        expect(await lines(dir, 'status', '--porcelain')).toEqual([]);
      }
      const log = ['log', '-p', '--format=%H %s', 'v0.0'];
      expect((await git(dir, ...log)).stdout).toBe((await git(source.dir, ...log)).stdout);
      await git(dir, 'fsck');
    },
  );

  test('a later fetch keeps to the filter', async () => {
    const { cloneUrl: url } = await agent.createRepo(`grows-v${version}`);
    await git(source.dir, 'push', '-q', url, 'main~30:refs/heads/main');
    const dir = await clone(version, url, ['--bare', '--filter=blob:none']);
    await git(source.dir, 'push', '-q', url, 'main:refs/heads/main');
    await git(dir, 'fetch', '-q', 'origin', '+refs/heads/*:refs/heads/*');
    const types = new Set((await objects(dir)).map((line) => line.split(' ')[1]));
    expect([...types].sort()).toEqual(['commit', 'tree']);
    const missing = await lines(dir, 'rev-list', '--objects', '--missing=print', '--no-object-names', 'main');
    const blobs = missing.filter((line) => line.startsWith('?')).map((line) => line.slice(1));
    expect(blobs.length).toBeGreaterThan(20);
    await git(dir, 'cat-file', '-p', blobs[0]!);
  });

  test('single objects come when a ref reaches them, and only then', async () => {
    const dir = agent.sandbox.path(`wants-v${version}`);
    await agent.git(['init', '-q', '--bare', dir]);
    await git(dir, 'config', 'protocol.version', String(version));
    const fetch = (oid: string) => agent.git(['fetch', '-q', cloneUrl, oid], { cwd: dir, ok: false });
    const wanted = ['main~50:', 'topic/1~1:', 'main~12', 'v0.0'];
    for (const name of wanted) {
      const [oid] = await lines(source.dir, 'rev-parse', name);
      expect((await fetch(oid!)).code, name).toBe(0);
      expect((await lines(dir, 'cat-file', '-t', oid!))[0]).toBe((await lines(source.dir, 'cat-file', '-t', oid!))[0]);
    }
    const [blob] = (await objects(source.dir)).filter((line) => line.endsWith('blob'));
    expect((await fetch(blob!.slice(0, 40))).code).toBe(0);
    for (const oid of [...lost, 'f'.repeat(40)]) {
      const refused = await fetch(oid);
      expect(refused.code, oid).not.toBe(0);
      expect(refused.stderr).toContain(`not our ref ${oid}`);
    }
  });
});
