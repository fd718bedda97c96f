import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import { SigningServer } from '../../test/support/signing-server.js';
import { parseQuestion } from './credential-protocol.js';

let server: SigningServer;
let sandbox: GitSandbox;
let host: string;
let agentId: string;

beforeAll(async () => {
  server = await new SigningServer().start();
  sandbox = new GitSandbox();
  host = new URL(server.url).host;
  await sandbox.git(['config', '--global', 'credential.helper', `store --file=${sandbox.path('leak')}`]);
  const result = await gitclaw(sandbox, ['setup', server.url, '--name', 'ada']);
  expect(result.stderr).toBe('next: gitclaw repo create demo\n');
  agentId = server.agents[0]?.agentId ?? '';
});
afterAll(async () => {
  sandbox.dispose();
  await server.stop();
});

const pairs = (text: string) =>
  new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(/=(.*)/s) as [string, string]),
  );
const ask = (lines: string[], operation = 'get', env = {}) =>
  gitclaw(sandbox, ['credential', operation], { input: `${lines.join('\n')}\n\n`, env });

describe('through the real git', () => {
  it.each([
    ['ada/demo.git', 'ada/demo'],
    ['v1/repos/id-1/clone', 'id-1'],
  ])('fills in a token for %s', async (path, repoId) => {
    const input = `protocol=http\nhost=${host}\npath=${path}\n\n`;
    const filled = pairs((await sandbox.git(['credential', 'fill'], { input })).stdout);
    expect(filled.get('username')).toBe(agentId);
    const body = { aud: host, repoId, service: 'git-receive-pack' };
    expect(server.openToken(filled.get('password') ?? '')).toMatchObject({ agentId, action: 'git_auth', body });
  });

  it('is never asked for another host, and git fails there instead of hanging', async () => {
    const input = 'protocol=http\nhost=other.example\npath=ada/demo.git\n\n';
    const { code, stderr } = await sandbox.git(['credential', 'fill'], { input, ok: false });
    expect(code).toBe(128);
    expect(stderr).toContain('could not read Username');
  });

  it('stores nothing anywhere when git approves or rejects', async () => {
    const input = `protocol=http\nhost=${host}\npath=ada/demo.git\nusername=${agentId}\npassword=gct1.secret\n\n`;
    for (const operation of ['approve', 'reject']) {
      const done = await sandbox.git(['credential', operation], { input });
      expect([done.stdout, done.stderr]).toEqual(['', '']);
    }
    await expect(sandbox.git(['grep', '--no-index', '-r', 'gct1', '.'])).rejects.toThrow(/ended with 1/);
  });

  it('answers a 401 of a server that git dials', async () => {
    server.seen.length = 0;
    server.script.push({ status: 401, headers: { 'www-authenticate': 'Basic realm="GitClaw"' }, body: '' });
    await sandbox.git(['ls-remote', `${server.url}/ada/demo.git`], { ok: false });
    const [scheme, basic = ''] = server.seen[1]?.headers.authorization?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    const [user, token = ''] = Buffer.from(basic, 'base64').toString().split(':');
    expect(user).toBe(agentId);
    expect(server.openToken(token)?.body).toMatchObject({ repoId: 'ada/demo' });
  });
});

describe('as newer git speaks', () => {
  it('hands over a ready header for the service that the challenge names', async () => {
    const { code, stdout } = await ask([
      'capability[]=authtype',
      'capability[]=state',
      'protocol=http',
      `host=${host}`,
      'path=ada/demo.git',
      'wwwauth[]=GitClaw realm="GitClaw", repo="ada/demo", service="git-upload-pack", nonce="n"',
      'wwwauth[]=Basic realm="GitClaw"',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^capability\[\]=authtype\nauthtype=GitClaw\ncredential=gct1\.[\w-]+\.[\w-]+\nephemeral=1\n$/,
    );
    const token = pairs(stdout).get('credential') ?? '';
    expect(server.openToken(token)?.body).toEqual({ aud: host, repoId: 'ada/demo', service: 'git-upload-pack' });
  });

  it('gives older git a password with an end', async () => {
    const { stdout } = await ask([
      'protocol=http',
      `host=${host}`,
      'path=ada/demo.git',
      'wwwauth[]=Basic realm="GitClaw"',
    ]);
    const answer = pairs(stdout);
    expect([...answer.keys()]).toEqual(['username', 'password', 'password_expiry_utc']);
    const left = Number(answer.get('password_expiry_utc')) - Date.now() / 1000;
    expect(left).toBeGreaterThan(200);
    expect(left).toBeLessThanOrEqual(300);
  });
});

describe('silence', () => {
  it.each([
    ['an unknown host', ['protocol=http', 'host=unknown.example', 'path=a/b.git']],
    ['an unknown protocol', ['protocol=ssh', 'host=unknown.example', 'path=a/b.git']],
    ['no host', ['protocol=http']],
    ['nothing', []],
  ])('for %s', async (_case, lines) => {
    expect(await ask(lines)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('for another user, another protocol, no repository, store, erase and operations of the future', async () => {
    const question = ['protocol=http', `host=${host}`, 'path=ada/demo.git'];
    expect((await ask([...question, 'username=eve'])).stdout).toBe('');
    expect((await ask([...question, 'username=ada'])).stdout).toContain('password=gct1.');
    expect((await ask(['protocol=https', `host=${host}`, 'path=ada/demo.git'])).stdout).toBe('');
    expect((await ask(['protocol=http', `host=${host}`, 'path=a/b/c'])).stdout).toBe('');
    for (const operation of ['store', 'erase', 'future']) {
      expect(await ask([...question, 'password=x'], operation)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    }
    const noPath = await ask(['protocol=http', `host=${host}`]);
    expect(noPath).toMatchObject({ code: 0, stdout: '' });
    expect(noPath.stderr).toContain(`run: gitclaw setup ${server.url}`);
  });
});

it('stops git from asking a person when the identity is broken', async () => {
  const path = sandbox.path('broken.pem');
  writeFileSync(path, 'no key');
  const env = { GITCLAW_AGENT_ID: agentId, GITCLAW_PRIVATE_KEY_PATH: path };
  const { code, stdout, stderr } = await ask(['protocol=http', `host=${host}`, 'path=a/b.git'], 'get', env);
  expect([code, stdout]).toEqual([4, 'quit=1\n']);
  expect(stderr).toContain('is not a usable private key');
  const git = await sandbox.git(['credential', 'fill'], {
    input: `protocol=http\nhost=${host}\npath=a/b.git\n\n`,
    env,
    ok: false,
  });
  expect(git.code).toBe(128);
  expect(git.stderr).toContain('told us to quit');
});

it('reads lists as git writes them', () => {
  const question = parseQuestion(
    'protocol=https\nhost=h:1\npath=a/b\nwwwauth[]=GitClaw service="old"\nwwwauth[]=\nwwwauth[]=gitclaw repo="a=b", service="s"\n\nusername=after',
  );
  expect(question).toEqual({
    protocol: 'https',
    host: 'h:1',
    path: 'a/b',
    username: undefined,
    takesAuthtype: false,
    challenge: { repo: 'a=b', service: 's' },
  });
});
