import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Deployment, deployments } from '../support/deployment.js';
import { GitSandbox, type SeededRepository } from '../support/git.js';
import { newAgent, newRepository, send, sign, signedRequest, type TestAgent } from '../support/http.js';

const ZERO = '0'.repeat(40);

/** A client that has git's formats but not its protocol, as an agent in a sandbox without git over HTTP has. */
describe.each(deployments)('git as JSON: $name', (kind) => {
  const sandbox = new GitSandbox();
  let deployment: Deployment;
  let agent: TestAgent;
  let source: SeededRepository;
  let repo: { repoId: string; cloneUrl: string };

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await newAgent(deployment);
    repo = await newRepository(deployment, agent);
    source = await sandbox.seedHistory({ seed: 41, commits: 150, merges: 15, branches: 2, tags: 4, bare: true });
  });
  afterAll(async () => {
    await deployment?.stop();
    sandbox.dispose();
  });

  test('what is pushed as JSON comes out of git clone, of a JSON clone and of the pages', async () => {
    const names = [...source.refs.keys()];
    const args = ['pack-objects', '--stdout', '--revs', '-q'];
    const { bytes: pack } = await sandbox.git(args, { cwd: source.dir, input: `${names.join('\n')}\n` });
    const refUpdates = [...source.refs].map(([refName, newOid]) => ({ refName, oldOid: ZERO, newOid, force: false }));
    const body = { packfileHash: createHash('sha256').update(pack).digest('hex'), refUpdates };
    const fields = { packfile: pack.toString('base64'), refUpdates };
    const { query: _, ...sent } = sign(agent, { action: 'push', form: 'flat', body, fields });
    const path = `/v1/repos/${repo.repoId}`;
    const first = await send(deployment.url, `${path}/git-receive-pack`, { method: 'POST', ...sent });
    expect(first.json).toEqual({ status: 'ok', refUpdates: names.map((refName) => ({ refName, status: 'ok' })) });
    const again = await send(deployment.url, `${path}/git-receive-pack`, { method: 'POST', ...sent });
    expect([again.json, again.headers['idempotency-replayed']]).toEqual([first.json, 'true']);

    const copy = sandbox.path('copy');
    await sandbox.git(['clone', '-q', '--mirror', repo.cloneUrl, copy]);
    expect(await sandbox.refs(copy)).toEqual(source.refs);
    await sandbox.git(['fsck', '--strict', '--full'], { cwd: copy });

    const signing = { action: 'repo_clone', body: { repoId: repo.repoId, depth: 3 } };
    const { json } = await signedRequest(deployment, agent, 'POST', `${path}/clone`, signing);
    const shallow = sandbox.path('shallow');
    await sandbox.git(['init', '-q', '--bare', shallow]);
    const input = Buffer.from(json.data.packfile, 'base64');
    await sandbox.git(['index-pack', '--stdin'], { cwd: shallow, input });
    expect(json.data.shallow.length).toBeGreaterThan(0);
    const type = await sandbox.git(['cat-file', '-t', source.head], { cwd: shallow });
    expect(type.stdout.trim()).toBe('commit');

    const log = await send(deployment.url, `${path}/commits?limit=100`);
    const expected = (await sandbox.git(['log', '-100', '--format=%H', 'main'], { cwd: source.dir })).stdout.trim();
    expect(log.json.data.commits.map(({ sha }: { sha: string }) => sha)).toEqual(expected.split('\n'));
    const tree = await send(deployment.url, `${path}/tree`);
    const listed = await sandbox.git(['ls-tree', '--name-only', '-z', 'main'], { cwd: source.dir });
    const shown = tree.json.data.entries.map(({ name }: { name: string }) => name);
    expect(shown).toEqual(listed.stdout.split('\0').slice(0, -1));
  });
});
