import { execFileSync } from 'node:child_process';
import { createPrivateKey, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitSandbox } from '../../test/support/git.js';
import { gitAuthorization, startGitApp } from '../../test/support/git-app.js';
import { type Answer, newAgent, newRepository, send, type TestAgent, type TestApp } from '../../test/support/http.js';
import { issuePushNonce, issueServerNonce, loadServerSecret, SERVER_NONCE_MAX_AGE_SECS } from '../auth/index.js';
import { FLUSH, pktLine } from '../git/index.js';
import { generateKey, openSshPrivateKey } from '../signing/index.js';

const ZERO = '0'.repeat(40);
let app: TestApp;
let sandbox: GitSandbox;
let agent: TestAgent;
let keyPath: string;
let pack: Buffer;
let head: string;
let repo: { repoId: string; name: string };
let secret: Buffer;

beforeAll(async () => {
  app = await startGitApp();
  sandbox = new GitSandbox();
  agent = await newAgent(app);
  keyPath = sandbox.path('key');
  writeFileSync(keyPath, openSshPrivateKey(agent.privateKey, ''), { mode: 0o600 });
  secret = await loadServerSecret(app.ctx.db);
  const seeded = await sandbox.seedHistory({ bare: true });
  head = seeded.head;
  pack = (await sandbox.git(['pack-objects', '--stdout', '--all', '--revs'], { cwd: seeded.dir, input: '' })).bytes;
}, 120_000);
afterAll(async () => {
  sandbox?.dispose();
  await app?.close();
});
beforeEach(async () => {
  repo = await newRepository(app, agent);
});

interface Certificate {
  nonce?: string;
  pushee?: string;
  options?: string[];
  updates?: string[];
  /** Changes the text behind the signature. */
  after?: (text: string) => string;
  key?: string;
  namespace?: string;
}

const nonce = (age = 0, repoId = repo.repoId) => issuePushNonce(secret, repoId, Date.now() - age * 1000);
const update = (oldOid: string, newOid: string, name = 'refs/heads/main') => `${oldOid} ${newOid} ${name}`;

function certificate(parts: Certificate = {}): string {
  const text = [
    'certificate version 0.1',
    'pusher agent 1700000000 +0000',
    ...(parts.pushee === '' ? [] : [`pushee ${parts.pushee ?? `${app.url}/${agent.agentName}/${repo.name}.git/`}`]),
    ...(parts.nonce === '' ? [] : [`nonce ${parts.nonce ?? nonce()}`]),
    ...(parts.options ?? []).map((option) => `push-option ${option}`),
    '',
    ...(parts.updates ?? [update(ZERO, head)]),
    '',
  ].join('\n');
  const args = ['-Y', 'sign', '-n', parts.namespace ?? 'git', '-f', parts.key ?? keyPath];
  const signature = execFileSync('ssh-keygen', args, { input: text, stdio: 'pipe' }).toString();
  return (parts.after ?? ((same) => same))(text + signature);
}

function push(text: string, options: string[] = [], as = agent): Promise<Answer> {
  const lines = text.split('\n').slice(0, -1);
  const capabilities = 'report-status-v2 push-options atomic object-format=sha1';
  const body = Buffer.concat([
    pktLine(`push-cert\0${capabilities}\n`),
    ...lines.map((line) => pktLine(`${line}\n`)),
    pktLine('push-cert-end\n'),
    FLUSH,
    ...options.map((option) => pktLine(option)),
    FLUSH,
    pack,
  ]);
  const [, value = ''] = gitAuthorization(app, as, repo.repoId).split('Authorization: ');
  const headers = { authorization: value, 'content-type': 'application/x-git-receive-pack-request' };
  return send(app.url, `/v1/repos/${repo.repoId}/git-receive-pack`, { method: 'POST', headers, body });
}

const kept = () => app.ctx.db.sql<{ certificate: string }[]>`
  SELECT certificate FROM push_certificates WHERE repo_id = ${repo.repoId} ORDER BY created_at`;

describe('certificates of pushes', () => {
  it('a good one is kept as it came, and handed out', async () => {
    const text = certificate({ options: ['a=1', 'b'] });
    expect((await push(text, ['a=1', 'b'])).text).toContain('ok refs/heads/main');
    expect(await kept()).toEqual([{ certificate: text }]);
    const [event] = await app.ctx.db.sql<{ id: string; options: string[] }[]>`
      SELECT event_id AS id, push_options AS options FROM push_events WHERE repo_id = ${repo.repoId}`;
    expect(event?.options).toEqual(['a=1', 'b']);
    const path = `/v1/repos/${repo.repoId}/push-certificates/${event?.id}`;
    expect((await send(app.url, path)).json.data).toMatchObject({ certificate: text, agentId: agent.agentId });
  });

  it.each(['owner and name', 'id', 'id, clone', 'no .git', 'host name'])(
    'may name the repository by %s',
    async (how) => {
      const [byName, byId] = [`${app.url}/${agent.agentName}/${repo.name}`, `${app.url}/v1/repos/${repo.repoId}`];
      const pushee = { 'owner and name': `${byName}.git`, id: byId, 'id, clone': `${byId}/clone`, 'no .git': byName }[
        how
      ];
      const text = certificate({ pushee: pushee ?? byName.replace('127.0.0.1', 'localhost') });
      expect((await push(text)).text).toContain('ok refs/heads/main');
    },
  );

  it.each<[string, () => Promise<Answer>, string]>([
    [
      'a nonce that is too old',
      () => push(certificate({ nonce: nonce(SERVER_NONCE_MAX_AGE_SECS + 5) })),
      'in the last 600 seconds; push again',
    ],
    [
      'a nonce for another repository',
      () => push(certificate({ nonce: nonce(0, randomUUID()) })),
      'its nonce is not one',
    ],
    [
      'a nonce of a login',
      () => push(certificate({ nonce: issueServerNonce(secret, repo.repoId, Date.now()) })),
      'its nonce is not one',
    ],
    ['an invented nonce', () => push(certificate({ nonce: `${nonce().slice(0, -1)}x` })), 'its nonce is not one'],
    ['no nonce', () => push(certificate({ nonce: '' })), 'its nonce is not one'],
    [
      'another server',
      () => push(certificate({ pushee: 'https://git.example.com/a/b' })),
      "for the server of 'https://git.example.com/a/b'",
    ],
    [
      'another repository',
      () => push(certificate({ pushee: `${app.url}/${agent.agentName}/other` })),
      `not for ${'agent'}`,
    ],
    ['a pushee that is no URL', () => push(certificate({ pushee: 'here' })), "for the server of 'here'"],
    ['no pushee', () => push(certificate({ pushee: '' })), 'does not say where'],
    ['options that were not signed', () => push(certificate(), ['x']), 'inconsistent push options'],
    ['signed options that were not sent', () => push(certificate({ options: ['x'] })), 'inconsistent push options'],
    [
      'a changed update',
      () => push(certificate({ after: (text) => text.replace('refs/heads/main', 'refs/heads/evil') })),
      'does not fit its text',
    ],
    [
      'a changed pusher',
      () => push(certificate({ after: (text) => text.replace('pusher agent', 'pusher admin') })),
      'does not fit its text',
    ],
    ['another purpose', () => push(certificate({ namespace: 'file' })), 'does not fit its text'],
    [
      'no signature',
      () => push(certificate({ after: (text) => text.slice(0, text.indexOf('-----')) })),
      'it is not signed',
    ],
    [
      'a PGP signature',
      () => push(certificate({ after: (text) => text.replaceAll('SSH', 'PGP') })),
      'not an armored SSH signature; sign with',
    ],
  ])('%s is refused, and nothing stays', async (_name, work, message) => {
    const { status, text } = await work();
    expect(status).toBe(200);
    expect(text).toMatch(/ng refs\/heads\/(main|evil) push certificate refused: /);
    expect(text.includes(message.replace('not for agent', `not for ${agent.agentName}`)), text).toBe(true);
    expect(await kept()).toEqual([]);
    expect(await app.ctx.db.sql`SELECT 1 FROM repo_refs WHERE repo_id = ${repo.repoId}`).toHaveLength(0);
  });

  it('serves one push only, even where the refs would fit again', async () => {
    const text = certificate();
    expect((await push(text)).text).toContain('ok refs/heads/main');
    await app.ctx.db.sql`DELETE FROM repo_refs WHERE repo_id = ${repo.repoId}`;
    await app.ctx.db.sql`UPDATE repositories SET refs_version = refs_version + 1 WHERE repo_id = ${repo.repoId}`;
    expect((await push(text)).text).toContain(
      'ng refs/heads/main push certificate refused: it has served a push already',
    );
    expect(await app.ctx.db.sql`SELECT 1 FROM repo_refs WHERE repo_id = ${repo.repoId}`).toHaveLength(0);
    expect((await push(certificate())).text).toContain('ok refs/heads/main');
    expect(await kept()).toHaveLength(2);
  });

  it('the key must be one of the agent that pushes, and in force', async () => {
    const other = await newAgent(app);
    await app.ctx.db
      .sql`INSERT INTO repo_access (repo_id, agent_id, role) VALUES (${repo.repoId}, ${other.agentId}, 'write')`;
    expect((await push(certificate(), [], other)).text).toContain('a key that is not registered for this agent');

    const second = generateKey('ecdsa');
    const path = sandbox.path('second');
    writeFileSync(path, openSshPrivateKey(createPrivateKey(second.privateKeyPem), ''), { mode: 0o600 });
    const keyId = randomUUID();
    await app.ctx.db.sql`INSERT INTO agent_keys (key_id, agent_id, public_key, key_type, fingerprint)
      VALUES (${keyId}, ${agent.agentId}, ${second.publicKey}, 'ecdsa', ${'f'.repeat(64)})`;
    await app.ctx.db.sql`UPDATE agent_keys SET revoked_at = now() WHERE key_id = ${keyId}`;
    expect((await push(certificate({ key: path }))).text).toContain('a key that is not registered for this agent');
    await app.ctx.db.sql`UPDATE agent_keys SET revoked_at = NULL WHERE key_id = ${keyId}`;
    expect((await push(certificate({ key: path }))).text).toContain('ok refs/heads/main');
  });

  it('is not taken where the policy is off', async () => {
    await app.ctx.db.sql`UPDATE repositories SET push_cert_policy = 'off' WHERE repo_id = ${repo.repoId}`;
    expect((await push(certificate())).text).toContain('ERR this repository takes no push certificates');
  });
});

describe('GET push-certificates', () => {
  it.each([
    ['an id that is none', 'x', 400],
    ['a push without one', randomUUID(), 404],
  ])('%s', async (_name, eventId, status) => {
    expect((await send(app.url, `/v1/repos/${repo.repoId}/push-certificates/${eventId}`)).status).toBe(status);
  });
});
