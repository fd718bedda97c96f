import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { gitclaw, gitclawProcess } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import { refuse, SigningServer } from '../../test/support/signing-server.js';
import { generateKey } from '../signing/index.js';

let server: SigningServer;
let sandbox: GitSandbox;

beforeAll(async () => {
  server = await new SigningServer().start();
});
afterAll(() => server.stop());
beforeEach(() => {
  sandbox = new GitSandbox();
  server.seen.length = 0;
  server.agents.length = 0;
  server.repos.length = 0;
  server.script.length = 0;
});
afterEach(() => sandbox.dispose());

const folder = () => join(sandbox.home, '.config', 'gitclaw', `localhost_${new URL(server.url).port}`);
const keyPath = () => join(folder(), 'key.pem');
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

async function setup(...more: string[]) {
  const result = await gitclaw(sandbox, ['setup', server.url, '--name', 'ada', '--json', ...more]);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

describe('setup', () => {
  it('makes a key, registers and configures git for this host; a second run changes nothing', async () => {
    const first = await setup();
    expect(first).toMatchObject({ agentName: 'ada', baseUrl: server.url, keyPath: keyPath(), registered: true });
    expect(first.publicKey).toBe(server.agents[0]?.publicKey);
    expect(mode(keyPath())).toBe('600');
    expect(mode(join(folder(), 'identity.json'))).toBe('600');
    expect(mode(folder())).toBe('700');
    expect(mode(join(sandbox.home, '.config', 'gitclaw'))).toBe('700');
    const config = readFileSync(sandbox.globalConfig, 'utf8');
    const get = async (name: string) =>
      (await sandbox.git(['config', '--global', '--get-all', `credential.${server.url}.${name}`])).stdout.split('\n');
    expect(await get('helper')).toEqual(['', expect.stringMatching(/^!.*main\.ts credential$/), '']);
    expect(await get('useHttpPath')).toEqual(['true', '']);

    const key = readFileSync(keyPath(), 'utf8');
    expect(await setup()).toEqual({ ...first, registered: false });
    expect(readFileSync(keyPath(), 'utf8')).toBe(key);
    expect(readFileSync(sandbox.globalConfig, 'utf8')).toBe(config);
    expect(server.agents).toHaveLength(1);
    expect(config).not.toContain('PRIVATE KEY');
  });

  it('keeps other hosts as they are and moves behind helpers for all hosts', async () => {
    await sandbox.git(['config', '--global', 'credential.https://other.example.helper', 'store']);
    await setup();
    await sandbox.git(['config', '--global', '--add', 'credential.helper', 'cache']);
    await setup();
    const { stdout } = await sandbox.git(['config', '--global', '--get-regexp', '^credential\\.']);
    const keys = stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(keys).toEqual([
      'credential.https://other.example.helper',
      'credential.helper',
      `credential.${server.url}.helper`,
      `credential.${server.url}.helper`,
      `credential.${server.url}.usehttppath`,
      '',
    ]);
  });

  it('--local writes to the repository only', async () => {
    await sandbox.git(['init', '-q', 'work']);
    const before = readFileSync(sandbox.globalConfig, 'utf8');
    const args = ['setup', server.url, '--local'];
    expect((await gitclawProcess(sandbox, args, { cwd: sandbox.path('work') })).code).toBe(0);
    expect(readFileSync(sandbox.globalConfig, 'utf8')).toBe(before);
    expect(readFileSync(sandbox.path('work', '.git', 'config'), 'utf8')).toContain('useHttpPath = true');
    const outside = await gitclawProcess(sandbox, args);
    expect(outside.code).toBe(2);
    expect(outside.stderr).toMatch(/^error: .*\nhint: run this inside a git repository\n$/);
  });

  it('makes up a name, and a P-256 key when asked', async () => {
    const result = await gitclaw(sandbox, ['setup', server.url], { env: { GITCLAW_KEY_TYPE: 'ecdsa' } });
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^agent {3}[A-Za-z0-9][A-Za-z0-9_-]* \(.*\)\nserver .*\nkey .*\ngit .*\n$/);
    expect(server.agents[0]?.publicKey).toMatch(/^ecdsa:/);
    expect(server.agents[0]?.agentName).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/);
  });

  it('finds its registration again when the record was lost, and registers again on a new server', async () => {
    const first = await setup();
    rmSync(join(folder(), 'identity.json'));
    expect(await setup()).toEqual({ ...first, registered: false });
    server.agents.length = 0;
    const again = await gitclaw(sandbox, ['setup', server.url]);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('does not know ada any more; registering again');
    expect(server.agents).toMatchObject([{ agentName: 'ada', publicKey: first.publicKey }]);
  });

  it('refuses a name that is taken, and a second name', async () => {
    server.agents.push({ agentId: 'x', agentName: 'ada', publicKey: generateKey().publicKey });
    const taken = await gitclaw(sandbox, ['setup', server.url, '--name', 'ada']);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toBe(
      'error: refused with AGENT_NAME_EXISTS (AGENT_NAME_EXISTS)\nhint: choose another name with --name\n',
    );
    expect(existsSync(join(folder(), 'identity.json'))).toBe(false);
    expect((await gitclaw(sandbox, ['setup', server.url, '--name', 'bob'])).code).toBe(0);
    expect((await gitclaw(sandbox, ['setup', server.url, '--name', 'eve'])).stderr).toMatch(/^error: you are bob on /);
  });

  it('uses the identity of the environment and refers to its key', async () => {
    const { privateKeyPem, publicKey } = generateKey();
    const path = sandbox.path('my key.pem');
    writeFileSync(path, privateKeyPem, { mode: 0o600 });
    server.agents.push({ agentId: 'env-agent', agentName: 'env', publicKey });
    const env = { GITCLAW_AGENT_ID: 'env-agent', GITCLAW_PRIVATE_KEY_PATH: path };
    expect((await gitclaw(sandbox, ['setup', server.url], { env })).code).toBe(0);
    expect(server.agents).toHaveLength(1);
    expect(existsSync(keyPath())).toBe(false);
    const later = await gitclaw(sandbox, ['whoami', '--json']);
    expect(JSON.parse(later.stdout)).toMatchObject({ agentId: 'env-agent', keyPath: path, source: 'store' });
    const unknown = await gitclaw(sandbox, ['setup', server.url], { env: { ...env, GITCLAW_AGENT_ID: 'nobody' } });
    expect(unknown.code).toBe(4);
    expect(unknown.stderr).toContain('does not know the agent nobody');
  });

  it.each(['localhost:1', 'ftp://x', 'http://a:b@x', 'http://x/ada/demo.git', 'x'])(
    'refuses the address %s',
    async (url) => {
      const { code, stderr } = await gitclaw(sandbox, ['setup', url]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: the address .*\nhint: give the address of the server alone, .*\n$/);
    },
  );

  it('says so when git is missing', async () => {
    const { code, stderr } = await gitclaw(sandbox, ['setup', server.url], { env: { PATH: sandbox.path('nowhere') } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: git cannot be run: .*\nhint: install git/);
  });
});

describe('repo', () => {
  it('create prints the clone URL alone; list prints one line each', async () => {
    await setup();
    const created = await gitclawProcess(sandbox, ['repo', 'create', 'demo', '--private']);
    expect(created).toMatchObject({ code: 0, stdout: `${server.url}/ada/demo.git\n`, stderr: '' });
    const second = await gitclaw(sandbox, ['repo', 'create', 'two', '--description', 'Nr. 2', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({ name: 'two', visibility: 'public', description: 'Nr. 2' });
    const listed = await gitclaw(sandbox, ['repo', 'list']);
    expect(listed.stdout).toBe(
      `ada/two\tpublic\t${server.url}/ada/two.git\nada/demo\tprivate\t${server.url}/ada/demo.git\n`,
    );
    expect(JSON.parse((await gitclaw(sandbox, ['repo', 'list', '--json'])).stdout)).toHaveLength(2);
    const again = await gitclaw(sandbox, ['repo', 'create', 'demo']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(
      /REPO_EXISTS\)\nhint: choose another name, or see what you have: gitclaw repo list\n$/,
    );
  });

  it('names the command for a clone URL that git is not set up for', async () => {
    await setup();
    const other = server.url.replace('127.0.0.1', 'localhost');
    server.script.push({ status: 201, body: { data: { cloneUrl: `${other}/ada/demo.git` } } });
    const { code, stdout, stderr } = await gitclaw(sandbox, ['repo', 'create', 'demo']);
    expect([code, stdout]).toEqual([0, `${other}/ada/demo.git\n`]);
    expect(stderr).toContain(`gitclaw setup ${other}`);
    await gitclaw(sandbox, ['setup', other]);
    expect(server.agents).toHaveLength(1);
  });
});

describe('keygen, register, whoami', () => {
  it('work one after the other, on what the environment names', async () => {
    const path = sandbox.path('agent.pem');
    const env = { GITCLAW_BASE_URL: server.url, GITCLAW_PRIVATE_KEY_PATH: path };
    const made = await gitclaw(sandbox, ['keygen', '--key-type', 'ecdsa', '--json'], { env });
    const { publicKey } = JSON.parse(made.stdout) as { publicKey: string };
    expect(made.code).toBe(0);
    expect(mode(path)).toBe('600');
    const again = await gitclaw(sandbox, ['keygen'], { env });
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('--force');
    const registered = await gitclaw(sandbox, ['register', '--name', 'ada', '--capability', 'code'], { env });
    expect(registered.stdout).toBe(`${server.agents[0]?.agentId}\n`);
    expect(server.agents[0]).toMatchObject({ agentName: 'ada', publicKey });
    expect(server.seen.at(-1)?.body.capabilities).toEqual(['code']);
    expect((await gitclaw(sandbox, ['register', '--name', 'eve'], { env })).code).toBe(2);
    const who = await gitclaw(sandbox, ['whoami'], { env });
    expect(who.code).toBe(0);
    expect(who.stdout).toContain(`ada (${server.agents[0]?.agentId})`);
    expect((await gitclaw(sandbox, ['keygen', '--force'], { env })).stdout).toMatch(/^ed25519:/);
    const stranger = await gitclaw(sandbox, ['whoami'], { env });
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toMatch(/INVALID_SIGNATURE\)\nhint: the key file and the agent id do not belong together/);
  });
});

describe('failures', () => {
  it('3: the server is not there', async () => {
    const { code, stderr } = await gitclaw(sandbox, ['setup', 'http://127.0.0.1:1']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: nothing listens on 127\.0\.0\.1:1\nhint: check that the server runs .*\n$/);
  });

  it('4: there is no identity, or it is damaged', async () => {
    const env = { GITCLAW_BASE_URL: server.url };
    const none = await gitclaw(sandbox, ['repo', 'list'], { env });
    expect(none.code).toBe(4);
    expect(none.stderr).toContain(`hint: run: gitclaw setup ${server.url}`);
    const json = await gitclaw(sandbox, ['repo', 'list', '--json'], { env });
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: 'IDENTITY', hint: expect.stringContaining('setup') },
    });
    await setup();
    writeFileSync(keyPath(), 'no key');
    expect((await gitclaw(sandbox, ['whoami'], { env })).stderr).toContain('is not a usable private key');
    rmSync(keyPath());
    expect((await gitclaw(sandbox, ['whoami'], { env })).stderr).toContain('there is no key at');
    writeFileSync(join(folder(), 'identity.json'), '{');
    expect((await gitclaw(sandbox, ['whoami'], { env })).stderr).toContain('identity.json is damaged');
    const half = await gitclaw(sandbox, ['whoami'], { env: { ...env, GITCLAW_AGENT_ID: 'x' } });
    expect(half.code).toBe(4);
  });

  it('4: the key in the environment is of another type than it says', async () => {
    const path = sandbox.path('agent.pem');
    writeFileSync(path, generateKey().privateKeyPem);
    const env = {
      GITCLAW_BASE_URL: server.url,
      GITCLAW_AGENT_ID: 'x',
      GITCLAW_PRIVATE_KEY_PATH: path,
      GITCLAW_KEY_TYPE: 'ecdsa',
    };
    const { code, stderr } = await gitclaw(sandbox, ['whoami'], { env });
    expect(code).toBe(4);
    expect(stderr).toContain('GITCLAW_KEY_TYPE is ecdsa');
  });

  it('2: wrong usage, with a hint', async () => {
    for (const args of [['bogus'], ['setup'], ['keygen', '--bogus'], ['keygen', '--key-type', 'rsa'], ['register']]) {
      const { code, stderr } = await gitclaw(sandbox, args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
    }
    expect((await gitclaw(sandbox, ['whoami'], { env: { GITCLAW_BASE_URL: 'nope' } })).stderr).toMatch(
      /^error: GITCLAW_BASE_URL is not a URL/,
    );
  });

  it('1: the server refuses; a pause it asks for is named, not slept', async () => {
    server.script.push(refuse(429, 'RATE_LIMITED', { 'retry-after': '3600' }));
    const { code, stderr } = await gitclaw(sandbox, ['setup', server.url]);
    expect(code).toBe(1);
    expect(stderr).toContain('hint: try again in 3600 s');
  });

  it('asks which server when there are several', async () => {
    const dir = join(sandbox.home, '.config', 'gitclaw', 'git.example.com');
    await setup();
    mkdirSync(dir);
    const other = { agentId: 'o', agentName: 'o', baseUrl: 'https://git.example.com', keyType: 'ed25519' };
    writeFileSync(join(dir, 'identity.json'), JSON.stringify(other));
    const { code, stderr } = await gitclaw(sandbox, ['whoami']);
    expect(code).toBe(2);
    expect(stderr).toContain('say which with --server URL');
    expect((await gitclaw(sandbox, ['whoami', '--server', server.url])).code).toBe(0);
  });
});

it('every command explains itself', async () => {
  const commands = [
    'setup',
    'repo create',
    'repo list',
    'repo fork',
    'repo edit',
    'repo delete',
    'pr create',
    'pr list',
    'pr show',
    'pr diff',
    'pr review',
    'pr merge',
    'pr close',
    'ci list',
    'ci logs',
    'ci trigger',
    'ci cancel',
    'star',
    'unstar',
    'trending',
    'access list',
    'access grant',
    'access revoke',
    'webhook add',
    'webhook list',
    'webhook remove',
    'webhook deliveries',
    'webhook redeliver',
    'audit',
    'whoami',
    'keygen',
    'register',
    'credential',
    'serve',
    'migrate run',
    'reconcile',
    'restore-check',
    'doctor',
  ];
  for (const command of commands) {
    const { code, stdout } = await gitclaw(sandbox, [...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: gitclaw ${command}`));
    expect(stdout).toContain('--json');
  }
});

it('keeps a key file that a user protected further', async () => {
  await setup();
  chmodSync(keyPath(), 0o400);
  expect(await setup()).toMatchObject({ registered: false });
  expect(mode(keyPath())).toBe('400');
});
