import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments, embedded, s3 } from '../support/deployment.js';
import type { SeededRepository } from '../support/git.js';

/** A project of a size that real ones have, and a small one for what is only about the path. */
const LARGE = { seed: 7, commits: 5_000, merges: 400, branches: 8, tags: 40 };
const SMALL = { seed: 8, commits: 300, merges: 30, branches: 4, tags: 8 };

describe.each(deployments)('a whole history goes in and comes out: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let source: SeededRepository;
  let cloneUrl: string;

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'round-tripper');
    source = await agent.sandbox.seedHistory({ ...(kind === embedded || kind === s3 ? LARGE : SMALL), bare: true });
    cloneUrl = (await agent.createRepo('project')).cloneUrl;
    await agent.git(['push', '--mirror', cloneUrl], { cwd: source.dir });
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  test('the server advertises exactly the pushed refs', async () => {
    const refs = await agent.remoteRefs(cloneUrl);
    refs.delete('HEAD');
    for (const name of [...refs.keys()]) if (name.endsWith('^{}')) refs.delete(name);
    expect(refs).toEqual(source.refs);
  });

  test.each([0, 1, 2])('git clone --mirror over protocol v%i is the same repository', async (version) => {
    const copy = agent.sandbox.path(`mirror-v${version}`);
    await agent.git(['-c', `protocol.version=${version}`, 'clone', '-q', '--mirror', cloneUrl, copy]);
    expect(await agent.sandbox.refs(copy)).toEqual(source.refs);
    const objects = async (dir: string) =>
      (
        await agent.git(
          ['cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype) %(objectsize)'],
          { cwd: dir },
        )
      ).stdout;
    expect(await objects(copy)).toBe(await objects(source.dir));
    const fsck = await agent.git(['fsck', '--strict', '--full'], { cwd: copy });
    expect([fsck.stdout, fsck.stderr.replace(/^(Checking|notice: ).*\n?/gm, '')]).toEqual(['', '']);
  });

  test('an anonymous git clone checks the project out', async () => {
    const copy = agent.sandbox.path('anonymous');
    const nobody = { HOME: agent.sandbox.path('nobody'), GIT_CONFIG_GLOBAL: '/dev/null' };
    await agent.git(['clone', '-q', cloneUrl, copy], { env: nobody });
    expect((await agent.git(['rev-parse', 'HEAD'], { cwd: copy })).stdout.trim()).toBe(source.head);
    expect((await agent.git(['status', '--porcelain'], { cwd: copy })).stdout).toBe('');
  });

  test.each([0, 2])('a single branch over protocol v%i holds just its own objects', async (version) => {
    const copy = agent.sandbox.path(`single-v${version}`);
    const protocol = ['-c', `protocol.version=${version}`];
    await agent.git([...protocol, 'clone', '-q', '--bare', '--single-branch', '-b', 'topic/1', cloneUrl, copy]);
    // A single-branch clone asks for the annotated tags of what it gets.
    const tags = (await agent.git(['for-each-ref', '--format=%(refname)', 'refs/tags'], { cwd: copy })).stdout
      .split('\n')
      .filter(Boolean);
    const ids = async (dir: string, ...args: string[]) => {
      const { stdout } = await agent.git(args, { cwd: dir });
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ')[0])
        .sort();
    };
    const have = await ids(copy, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)');
    expect(have).toEqual(await ids(source.dir, 'rev-list', '--objects', 'refs/heads/topic/1', ...tags));
  });
});
