import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signEnvelope } from '../../src/signing/index.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, deployments } from '../support/deployment.js';
import { send } from '../support/http.js';

const ZERO = '0'.repeat(40);
const FLUSH = '0000';
const line = (text: string) => `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`;
const RECEIVE = { 'content-type': 'application/x-git-receive-pack-request' };
const UPLOAD = { 'content-type': 'application/x-git-upload-pack-request' };

describe.each(deployments)('what git sends over HTTP: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let url: string;
  let repoId: string;
  let work: string;
  let head: string;

  beforeAll(async () => {
    deployment = await kind.start({ env: { GITCLAW_MAX_PACK_BYTES: String(4 * 1024 * 1024) } });
    agent = await TestAgent.setup(deployment.url, 'wire');
    ({ cloneUrl: url, repoId } = await agent.createRepo('wire'));
    ({ dir: work, head } = await agent.sandbox.seedHistory({ seed: 41, commits: 200, merges: 10, branches: 3 }));
    await agent.git(['push', '-q', '--mirror', url], { cwd: work });
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  const post = (service: string, body: Buffer | string, headers: Record<string, string>) =>
    send(deployment.url, `${new URL(url).pathname}/${service}`, { method: 'POST', body, headers });
  const token = () => `GitClaw ${agent.client.gitToken({ url, service: 'git-receive-pack' })}`;
  const push = (body: Buffer | string) =>
    post('git-receive-pack', body, { ...RECEIVE, authorization: token() }).then((answer) => answer.text);
  const command = (ref: string, oldOid: string, newOid: string) =>
    line(`${oldOid} ${newOid} ${ref}\0report-status object-format=sha1`) + FLUSH;
  const packOf = async (...oids: string[]) =>
    (await agent.git(['pack-objects', '--stdout', '-q'], { cwd: work, input: oids.map((oid) => `${oid}\n`).join('') }))
      .bytes;
  const refs = async () => new Set((await agent.remoteRefs(url)).keys());

  test('the flush that precedes a chunked push gets an empty answer and leaves its token unused', async () => {
    const headers = { ...RECEIVE, authorization: token() };
    const probe = await post('git-receive-pack', FLUSH, headers);
    expect([probe.status, probe.text]).toEqual([200, '']);
    expect(probe.headers['content-type']).toBe('application/x-git-receive-pack-result');
    const body = Buffer.concat([Buffer.from(command('refs/heads/probed', ZERO, head)), await packOf()]);
    const answer = await post('git-receive-pack', body, { ...headers, 'transfer-encoding': 'chunked' });
    expect(answer.text).toContain('ok refs/heads/probed');
  });

  test('request bodies may be gzipped, in both directions', async () => {
    const want = gzipSync(`${line(`want ${head} ofs-delta\n`)}${FLUSH}${line('done\n')}`);
    const fetched = await post('git-upload-pack', want, { ...UPLOAD, 'content-encoding': 'gzip' });
    expect([fetched.status, fetched.text.slice(0, 12)]).toEqual([200, '0008NAK\nPACK']);
    const body = gzipSync(Buffer.concat([Buffer.from(command('refs/heads/zipped', ZERO, head)), await packOf()]));
    const headers = { ...RECEIVE, authorization: token(), 'content-encoding': 'gzip' };
    expect((await post('git-receive-pack', body, headers)).text).toContain('ok refs/heads/zipped');
    const broken = await post('git-upload-pack', want.subarray(0, 20), { ...UPLOAD, 'content-encoding': 'gzip' });
    expect([broken.status, broken.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  test('packs that are cut, damaged, empty or lack objects are refused in the report, and no ref appears', async () => {
    const blob = (await agent.git(['hash-object', '-w', '--stdin'], { cwd: work, input: 'lonely\n' })).stdout.trim();
    const tree = `100644 blob ${blob}\tlonely.txt\n`;
    const treeId = (await agent.git(['mktree'], { cwd: work, input: tree })).stdout.trim();
    const commit = (await agent.git(['commit-tree', '-m', 'lonely', treeId], { cwd: work })).stdout.trim();
    const pack = await packOf(commit, treeId, blob);
    const damaged = Buffer.from(pack);
    damaged[20] = (damaged[20] ?? 0) ^ 0xff;
    const before = await refs();
    const attempts: [Buffer, RegExp][] = [
      [pack.subarray(0, pack.length - 25), /unpack (?!ok)/],
      [pack.subarray(0, 40), /unpack (?!ok)/],
      [damaged, /unpack (?!ok)/],
      [Buffer.alloc(0), /unpack (?!ok)/],
      [Buffer.from('not a pack at all, but long enough to be one'), /unpack (?!ok)/],
      [Buffer.concat([pack, Buffer.from('trailing')]), /unpack (?!ok)/],
      [await packOf(commit, treeId), /ng refs\/heads\/lonely missing necessary objects.*(\b[0-9a-f]{40}\b)/],
    ];
    for (const [bytes, expected] of attempts) {
      const report = await push(Buffer.concat([Buffer.from(command('refs/heads/lonely', ZERO, commit)), bytes]));
      expect(report).toMatch(expected);
      expect(report).toContain('ng refs/heads/lonely');
    }
    expect(await refs()).toEqual(before);
    const whole = await push(Buffer.concat([Buffer.from(command('refs/heads/lonely', ZERO, commit)), pack]));
    expect(whole).toContain('unpack ok');
    expect(await refs()).toContain('refs/heads/lonely');
  });

  test('a pack above the limit is refused in words, after it was read', async () => {
    const clone = agent.sandbox.path('too-large');
    await agent.git(['clone', '-q', url, clone]);
    const large = randomBytes(5 * 1024 * 1024);
    const oid = (await agent.git(['hash-object', '-w', '--stdin'], { cwd: clone, input: large })).stdout.trim();
    const { stderr, code } = await agent.git(['push', 'origin', `${oid}:refs/tags/large`], { cwd: clone, ok: false });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/remote (rejected|unpack failed)/);
    expect(stderr).toContain('4194304');
    expect(stderr).not.toMatch(/reset|broken pipe|hung up/i);
  });

  test('a large push without the right to push is told so', async () => {
    const stranger = await TestAgent.setup(deployment.url, 'stranger');
    const { dir } = await stranger.sandbox.seedHistory({ seed: 42, commits: 5 });
    const large = randomBytes(3 * 1024 * 1024);
    const oid = (await stranger.git(['hash-object', '-w', '--stdin'], { cwd: dir, input: large })).stdout.trim();
    const { stderr, code } = await stranger.git(['push', url, `${oid}:refs/tags/large`], { cwd: dir, ok: false });
    expect(code).not.toBe(0);
    expect(stderr).toContain('403');
    expect(stderr).not.toMatch(/reset|broken pipe/i);
    stranger.dispose();
  });

  test('a signature over the pack hash and the ref updates pushes without any token', async () => {
    const pack = await packOf();
    const signed = (refName: string, hash: string) => {
      const body = {
        repoId,
        packfileHash: hash,
        refUpdates: [{ refName, oldOid: ZERO, newOid: head, force: false }],
      };
      const nonce = crypto.randomUUID();
      const timestamp = new Date().toISOString();
      const envelope = { agentId: agent.agentId, action: 'git-receive-pack', timestamp, nonce, body };
      const { signature } = signEnvelope(envelope, agent.privateKey);
      return {
        ...RECEIVE,
        'x-agent-id': agent.agentId,
        'x-timestamp': timestamp,
        'x-nonce': nonce,
        'x-signature': signature,
      };
    };
    const hash = createHash('sha256').update(pack).digest('hex');
    const body = (ref: string) => Buffer.concat([Buffer.from(command(ref, ZERO, head)), pack]);
    const headers = signed('refs/heads/signed', hash);
    const first = await post('git-receive-pack', body('refs/heads/signed'), headers);
    expect(first.text).toContain('ok refs/heads/signed');
    const again = await post('git-receive-pack', body('refs/heads/signed'), headers);
    expect(again.text).toBe(first.text);
    const other = await post('git-receive-pack', body('refs/heads/other'), signed('refs/heads/signed', hash));
    expect([other.status, other.json.error.code]).toEqual([401, 'INVALID_SIGNATURE']);
    const wrong = await post('git-receive-pack', body('refs/heads/wrong'), signed('refs/heads/wrong', 'f'.repeat(64)));
    expect(wrong.status).toBe(401);
    expect(await refs()).not.toContain('refs/heads/other');
  });

  test.each([0, 1, 2])(
    'a long negotiation over protocol v%i sends what is missing and little more',
    async (version) => {
      const protocol = ['-c', `protocol.version=${version}`];
      const clone = agent.sandbox.path(`long-${version}`);
      await agent.git(['clone', '-q', url, clone]);
      // Commits the server has never seen, on top of what it has, so that several rounds of haves are needed.
      for (let i = 0; i < 300; i++) {
        await agent.git(['commit', '-q', '--allow-empty', '-m', `local ${i}`], { cwd: clone });
      }
      await agent.git(['commit', '-q', '--allow-empty', '-m', `remote ${version}`], { cwd: work });
      await agent.git(['push', '-q', url, 'main'], { cwd: work });
      const { stderr } = await agent.git([...protocol, 'fetch', '--progress', 'origin', 'main'], {
        cwd: clone,
        env: { GIT_TRACE_PACKET: '1' },
      });
      const rounds = stderr.split('\n').filter((text) => / fetch(-pack)?> (0000|done)/.test(text)).length;
      expect(rounds).toBeGreaterThan(1);
      expect(/Sending (\d+) objects/.exec(stderr)?.[1]).toBe('1');
      expect((await agent.git(['fsck', '--full'], { cwd: clone })).stdout).toBe('');
    },
  );

  test('malformed requests get an error in the protocol and the server stays up', async () => {
    const v2 = { ...UPLOAD, 'git-protocol': 'version=2' };
    const cases: [string, string, Record<string, string>][] = [
      ['git-upload-pack', 'zzzz', UPLOAD],
      ['git-upload-pack', line('want nonsense\n') + FLUSH, UPLOAD],
      ['git-upload-pack', line(`want ${'1'.repeat(40)}\n`) + FLUSH + line('done\n'), UPLOAD],
      ['git-upload-pack', line('command=explode\n') + FLUSH, v2],
      [
        'git-upload-pack',
        `${line('command=fetch\n')}0001${line(`want ${'1'.repeat(40)}\n`)}${line('done\n')}${FLUSH}`,
        v2,
      ],
      ['git-receive-pack', line('gibberish') + FLUSH, { ...RECEIVE, authorization: token() }],
    ];
    for (const [service, body, headers] of cases) {
      const answer = await post(service, body, headers);
      expect([answer.status, answer.text]).toEqual([200, expect.stringMatching(/^[0-9a-f]{4}ERR /)]);
    }
    const service = await send(deployment.url, `${new URL(url).pathname}/info/refs?service=git-explode`);
    expect([service.status, service.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect((await send(deployment.url, '/health')).status).toBe(200);
  });
});
