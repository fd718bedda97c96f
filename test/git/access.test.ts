import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitClawClient } from '../../src/client/index.js';
import { generateKey } from '../../src/signing/index.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';

describe.each(deployments)('who may do what with plain git: $name', (kind) => {
  let deployment: Deployment;
  let owner: TestAgent;
  let reader: TestAgent;
  let stranger: TestAgent;
  let url: string;
  let repoId: string;

  const push = (agent: TestAgent, ref: string, ...config: string[]) =>
    agent.git([...config.flatMap((line) => ['-c', line]), 'push', url, `HEAD:${ref}`], {
      cwd: agent.sandbox.path('work'),
      ok: false,
    });
  const read = (agent: TestAgent, ...config: string[]) =>
    agent.git([...config.flatMap((line) => ['-c', line]), 'ls-remote', url], { ok: false });
  /** Takes the helper out, so that only what the test gives is sent. */
  const NO_HELPER = 'credential.helper=';

  beforeAll(async () => {
    deployment = await kind.start();
    [owner, reader, stranger] = await Promise.all([
      TestAgent.setup(deployment.url, 'owner'),
      TestAgent.setup(deployment.url, 'reader', { keyType: 'ecdsa' }),
      TestAgent.setup(deployment.url, 'stranger'),
    ]);
    const repo = await owner.createRepo('secret', 'private');
    url = repo.cloneUrl;
    repoId = repo.repoId;
    for (const agent of [owner, reader, stranger]) {
      await agent.sandbox.seedHistory({ dir: agent.sandbox.path('work'), seed: 3, commits: 20 });
    }
    expect((await push(owner, 'refs/heads/main')).code).toBe(0);
    await owner.client.grantAccess(repoId, reader.agentId, 'read');
  });

  afterAll(async () => {
    for (const agent of [owner, reader, stranger]) agent?.dispose();
    await deployment?.stop();
  });

  test('owner pushes and reads; reader only reads; a stranger does neither', async () => {
    expect((await read(owner)).code).toBe(0);
    expect((await read(reader)).code).toBe(0);
    const refused = await push(reader, 'refs/heads/by-reader');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/403|role write/);
    const strange = await read(stranger);
    expect(strange.code).not.toBe(0);
    expect(strange.stderr).toContain('403');
  });

  test('nobody in particular gets a challenge, for private and unknown repositories alike', async () => {
    const base = deployment.url;
    for (const path of ['owner/secret.git', 'owner/no-such.git', `v1/repos/${repoId}`, `v1/repos/${randomUUID()}`]) {
      const answer = await fetch(`${base}/${path}/info/refs?service=git-upload-pack`);
      expect(answer.status).toBe(401);
      const challenges = answer.headers.get('www-authenticate') ?? '';
      expect(challenges).toMatch(
        /^GitClaw realm="GitClaw".*service="git-upload-pack".*nonce="[^"]+".*Basic realm="GitClaw"/,
      );
      const body = (await answer.json()) as { error: { code: string } };
      expect(body.error.code).toBe('INVALID_SIGNATURE');
    }
  });

  test('each challenge has a header line of its own, because some clients read one per line', async () => {
    const direct = url.replace(deployment.url, deployment.nodes[0]!.url);
    const [answer] = (await once(get(`${direct}/info/refs?service=git-upload-pack`), 'response')) as [IncomingMessage];
    answer.resume();
    const lines = answer.rawHeaders.filter(
      (_, at, all) => at % 2 === 1 && /^www-authenticate$/i.test(all[at - 1] ?? ''),
    );
    expect(lines).toEqual([expect.stringMatching(/^GitClaw (?!.*Basic)/), 'Basic realm="GitClaw"']);
  });

  test('a granted writer pushes; a revoked one no longer', async () => {
    await owner.client.grantAccess(repoId, reader.agentId, 'write');
    expect((await push(reader, 'refs/heads/by-reader')).code).toBe(0);
    await owner.client.revokeAccess(repoId, reader.agentId);
    expect((await push(reader, 'refs/heads/again')).code).not.toBe(0);
    await owner.client.grantAccess(repoId, reader.agentId, 'read');
  });

  test('the token as Authorization: GitClaw, without any helper', async () => {
    const token = owner.client.gitToken({ url, service: 'git-receive-pack' });
    const header = `http.extraHeader=Authorization: GitClaw ${token}`;
    expect((await read(owner, NO_HELPER, header)).code).toBe(0);
    expect((await push(owner, 'refs/heads/by-header', NO_HELPER, header)).code).toBe(0);
  });

  test('a write token commits once; the same push again gets the stored report', async () => {
    const token = owner.client.gitToken({ url, service: 'git-receive-pack' });
    const header = `http.extraHeader=Authorization: GitClaw ${token}`;
    expect((await push(owner, 'refs/heads/once', NO_HELPER, header)).code).toBe(0);
    const second = await push(owner, 'refs/heads/twice', NO_HELPER, header);
    expect(second.code).not.toBe(0);
    expect((await owner.remoteRefs(url)).has('refs/heads/twice')).toBe(false);
    expect((await read(owner, NO_HELPER, header)).code, 'reading may repeat').toBe(0);
  });

  test('an upload-pack token does not push', async () => {
    const token = owner.client.gitToken({ url, service: 'git-upload-pack' });
    const header = `http.extraHeader=Authorization: GitClaw ${token}`;
    expect((await read(owner, NO_HELPER, header)).code).toBe(0);
    expect((await push(owner, 'refs/heads/no', NO_HELPER, header)).code).not.toBe(0);
  });

  test('tokens for another host, another repository, by another key are refused', async () => {
    const other = new GitClawClient({
      baseUrl: url,
      agentId: owner.agentId,
      privateKey: generateKey('ed25519').privateKeyPem,
    });
    const tokens = [
      owner.client.gitToken({ repoId, aud: 'git.example.com', service: 'git-receive-pack' }),
      owner.client.gitToken({ repoId: randomUUID(), service: 'git-receive-pack' }),
      other.gitToken({ url, service: 'git-receive-pack' }),
      'gct1.e30.AAAA',
      'gct1.',
    ];
    for (const token of tokens) {
      const answer = await fetch(`${url}/info/refs?service=git-receive-pack`, {
        headers: { authorization: `GitClaw ${token}` },
      });
      expect(answer.status).toBe(401);
    }
  });

  test('a revoked key no longer signs, a second key does', async () => {
    const second = generateKey('ecdsa');
    const added = await owner.client.addKey(second.publicKey);
    const with2 = new GitClawClient({
      baseUrl: deployment.url,
      agentId: owner.agentId,
      privateKey: second.privateKeyPem,
    });
    const header = () =>
      `http.extraHeader=Authorization: GitClaw ${with2.gitToken({ url, service: 'git-receive-pack' })}`;
    expect((await push(owner, 'refs/heads/second-key', NO_HELPER, header())).code).toBe(0);
    await owner.client.revokeKey(added.keyId);
    expect((await push(owner, 'refs/heads/after-revoke', NO_HELPER, header())).code).not.toBe(0);
  });

  test('pushes and fetches of agents are in the audit log of the repository, chained', async () => {
    const open = await owner.createRepo('open');
    await owner.git(['push', '-q', open.cloneUrl, 'HEAD:refs/heads/main'], { cwd: owner.sandbox.path('work') });
    const { events } = (await owner.client.audit({ resource_id: open.repoId })) as {
      events: { action: string; agentId: string; data: Record<string, unknown> }[];
    };
    const event = events.find(({ action }) => action === 'push');
    expect(event?.agentId).toBe(owner.agentId);
    expect(event?.data).toMatchObject({ repo_id: open.repoId, force_push: false });
    const hidden = (await owner.client.audit({ resource_id: repoId })) as { events: unknown[] };
    expect(hidden.events, 'events of private repositories are not public').toEqual([]);
  });
});
