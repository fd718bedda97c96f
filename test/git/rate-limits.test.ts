import { createHash, createPrivateKey, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitClawClient } from '../../src/client/index.js';
import { generateKey } from '../../src/signing/index.js';
import { TestAgent } from '../support/agent.js';
import { signHeaders, signToken } from '../support/auth.js';
import { type Deployment, embedded, twoNodes } from '../support/deployment.js';
import { GitSandbox } from '../support/git.js';

const ZERO = '0'.repeat(40);

describe.each([embedded, twoNodes])('pushes are counted: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let work: string;
  let url: string;

  beforeAll(async () => {
    deployment = await kind.start({ env: { RATE_LIMIT_PUSH: '3' } });
    agent = await TestAgent.setup(deployment.url, 'pusher');
    url = (await agent.createRepo('busy')).cloneUrl;
    work = agent.sandbox.path('work');
    await agent.sandbox.seedHistory({ dir: work, seed: 5, commits: 30 });
    // More than http.postBuffer, so that git sends its probe `0000` first.
    await agent.git(['config', 'http.postBuffer', '1000'], { cwd: work });
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  test('the fourth push of the hour is refused with 429, fetches go on, and nothing moved', async () => {
    for (const branch of ['one', 'two', 'three']) {
      const pushed = await agent.git(['push', url, `main:refs/heads/${branch}`], { cwd: work, ok: false });
      expect(pushed.code, pushed.stderr).toBe(0);
    }
    const refused = await agent.git(['push', url, 'main:refs/heads/four'], { cwd: work, ok: false });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/429/);
    const refs = await agent.remoteRefs(url);
    expect([...refs.keys()].filter((name) => name.startsWith('refs/heads/')).sort()).toEqual(
      ['one', 'three', 'two'].map((name) => `refs/heads/${name}`),
    );
    await agent.git(['clone', '-q', url, agent.sandbox.path('copy')]);
  });
});

describe('pushes without git', () => {
  let deployment: Deployment;
  let agentId: string;
  let privateKey: ReturnType<typeof createPrivateKey>;
  let repoId: string;

  beforeAll(async () => {
    deployment = await embedded.start({ env: { RATE_LIMIT_PUSH: '2' } });
    const { publicKey, privateKeyPem } = generateKey('ed25519');
    privateKey = createPrivateKey(privateKeyPem);
    const open = new GitClawClient({ baseUrl: deployment.url });
    ({ agentId } = await open.register({ agentName: `agent-${randomUUID()}`, publicKey }));
    const client = new GitClawClient({ baseUrl: deployment.url, agentId, privateKey });
    ({ repoId } = await client.createRepo({ name: 'headers', visibility: 'public' }));
  });

  afterAll(() => deployment?.stop());

  const oid = createHash('sha1').update('commit 0\0').digest('hex');
  const emptyPack = (() => {
    const head = Buffer.from('5041434b0000000200000000', 'hex');
    return Buffer.concat([head, createHash('sha1').update(head).digest()]);
  })();

  /** A push that creates a branch at an object nobody has: it is refused in the report, but it is a push. */
  const push = (headers: Record<string, string>) => {
    const command = `${ZERO} ${oid} refs/heads/x\0report-status`;
    const line = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`;
    return fetch(`${deployment.url}/v1/repos/${repoId}/git-receive-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-receive-pack-request', 'user-agent': 'git/2.39', ...headers },
      body: Buffer.concat([Buffer.from(line, 'latin1'), emptyPack]),
    });
  };
  const signed = () => {
    const packfileHash = createHash('sha256').update(emptyPack).digest('hex');
    const refUpdates = [{ refName: 'refs/heads/x', oldOid: ZERO, newOid: oid, force: false }];
    return signHeaders(
      { agentId, privateKey },
      { action: 'git-receive-pack', body: { repoId, packfileHash, refUpdates } },
    );
  };

  test('only proved pushes count, and one too many gets a 429 with text and headers', async () => {
    const stranger = generateKey('ed25519');
    for (let i = 0; i < 4; i++) {
      const forged = signHeaders(
        { agentId, privateKey: createPrivateKey(stranger.privateKeyPem) },
        { action: 'git-receive-pack', body: {} },
      );
      expect((await push(forged)).status).toBe(401);
    }
    for (const left of ['1', '0']) {
      const answer = await push(signed());
      expect([answer.status, answer.headers.get('x-ratelimit-remaining')]).toEqual([200, left]);
      expect(await answer.text()).toContain('ng refs/heads/x');
    }
    const refused = await push(signed());
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(refused.headers.get('content-type')).toContain('text/plain');
    expect(await refused.text()).toMatch(/^Too many calls of push/);
  });

  test('a repeat of a push that committed is free, also when nothing is left', async () => {
    const { publicKey, privateKeyPem } = generateKey('ed25519');
    const open = new GitClawClient({ baseUrl: deployment.url });
    const other = await open.register({ agentName: `agent-${randomUUID()}`, publicKey });
    const key = createPrivateKey(privateKeyPem);
    const client = new GitClawClient({ baseUrl: deployment.url, agentId: other.agentId, privateKey: key });
    const repo = await client.createRepo({ name: 'repeated', visibility: 'public' });
    const sandbox = new GitSandbox();
    try {
      const { head, dir } = await sandbox.seedHistory({ commits: 3 });
      const input = `${head}\n`;
      const pack = (await sandbox.git(['pack-objects', '--revs', '--stdout', '-q'], { cwd: dir, input })).bytes;
      const token = () =>
        signToken(
          { agentId: other.agentId, privateKey: key },
          { aud: new URL(deployment.url).host, repoId: repo.repoId, service: 'git-receive-pack' },
        );
      const send = (credential: string, branch: string) => {
        const command = `${ZERO} ${head} refs/heads/${branch}\0report-status`;
        const line = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`;
        return fetch(`${deployment.url}/v1/repos/${repo.repoId}/git-receive-pack`, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-git-receive-pack-request',
            authorization: `GitClaw ${credential}`,
          },
          body: Buffer.concat([Buffer.from(line, 'latin1'), pack]),
        });
      };
      const once = token();
      for (const left of ['1', null, null]) {
        const answer = await send(once, 'one');
        expect([answer.status, answer.headers.get('x-ratelimit-remaining')]).toEqual([200, left]);
        expect(await answer.text()).toContain('ok refs/heads/one');
      }
      expect((await send(token(), 'two')).headers.get('x-ratelimit-remaining')).toBe('0');
      const refused = await send(token(), 'three');
      // The rest of the body comes when the refusal has been decided for long.
      const pieces = async function* () {
        const command = `${ZERO} ${head} refs/heads/four\0report-status`;
        yield Buffer.from(`${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`, 'latin1');
        for (const piece of [pack.subarray(0, 20), pack.subarray(20)]) {
          await sleep(300);
          yield piece;
        }
      };
      const slow = await fetch(`${deployment.url}/v1/repos/${repo.repoId}/git-receive-pack`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-git-receive-pack-request', authorization: `GitClaw ${token()}` },
        body: pieces(),
        duplex: 'half',
      });
      expect([slow.status, ((await slow.json()) as { error: { code: string } }).error.code]).toEqual([
        429,
        'RATE_LIMITED',
      ]);
      expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
        429,
        'RATE_LIMITED',
      ]);
      expect((await send(once, 'one')).status).toBe(200);
    } finally {
      sandbox.dispose();
    }
  });

  test('the probe that precedes a large push does not count and is not refused', async () => {
    const body = { aud: new URL(deployment.url).host, repoId, service: 'git-receive-pack' };
    const token = signToken({ agentId, privateKey }, body);
    const probe = await fetch(`${deployment.url}/v1/repos/${repoId}/git-receive-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-receive-pack-request', authorization: `GitClaw ${token}` },
      body: '0000',
    });
    expect([probe.status, await probe.text()]).toEqual([200, '']);
  });
});
