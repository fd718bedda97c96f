import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import { createTestDatabase } from '../../test/support/postgres.js';
import { AuthenticationError, GitClawClient, NotFoundError } from '../client/index.js';
import { generateKey } from '../signing/index.js';

const sandbox = new GitSandbox();
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let env: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  env = { DATABASE_URL: database.url, GITCLAW_DATA_DIR: sandbox.path('data'), LOG_LEVEL: 'error' };
});
afterAll(async () => {
  await database.drop();
  sandbox.dispose();
});

it('serve runs a node that the other commands and the client work with', async () => {
  let finish = () => {};
  const end = new Promise<void>((done) => {
    finish = done;
  });
  let serving: ReturnType<typeof gitclaw> | undefined;
  const answer = await new Promise<string>((ready, failed) => {
    serving = gitclaw(sandbox, ['serve', '--port', '0', '--json'], { env, onOut: ready, stop: end });
    serving.then((result) => failed(new Error(result.stderr)), failed);
  });
  const { url } = JSON.parse(answer) as { url: string };
  try {
    const setup = async () => JSON.parse((await gitclaw(sandbox, ['setup', url, '--name', 'ada', '--json'])).stdout);
    const first = (await setup()) as { agentId: string; keyPath: string };
    rmSync(join(dirname(first.keyPath), 'identity.json'));
    expect(await setup()).toEqual({ ...first, registered: false });
    expect((await gitclaw(sandbox, ['whoami', '--json'])).code).toBe(0);
    const clone = (await gitclaw(sandbox, ['repo', 'create', 'demo', '--private'])).stdout.trim();
    expect(clone).toBe(`${url}/ada/demo.git`);

    const privateKey = readFileSync(first.keyPath, 'utf8');
    const client = new GitClawClient({ baseUrl: url, agentId: first.agentId, privateKey });
    const repo = await client.repo('ada/demo');
    expect(repo).toMatchObject({ name: 'demo', visibility: 'private', cloneUrl: clone });
    await expect(new GitClawClient({ baseUrl: url }).repo('ada/demo')).rejects.toBeInstanceOf(NotFoundError);

    const second = generateKey('ecdsa');
    const { keyId } = await client.addKey(second.publicKey);
    const withSecond = new GitClawClient({ baseUrl: url, agentId: first.agentId, privateKey: second.privateKeyPem });
    expect(await withSecond.listRepos()).toEqual([repo]);
    expect(await client.listKeys(first.agentId)).toHaveLength(2);
    await client.revokeKey(keyId);
    await expect(withSecond.listRepos()).rejects.toBeInstanceOf(AuthenticationError);

    const other = await client.register({ agentName: 'bob', publicKey: generateKey().publicKey });
    await client.grantAccess(repo.repoId, other.agentId, 'write');
    expect((await client.listAccess(repo.repoId)).map(({ agentName, role }) => `${agentName} ${role}`)).toEqual([
      'ada admin',
      'bob write',
    ]);
    expect(await client.revokeAccess(repo.repoId, other.agentId)).toMatchObject({ role: null });
    expect(await client.audit()).toHaveProperty('events');
  } finally {
    finish();
  }
  expect(await serving).toMatchObject({ code: 0, stderr: '' });
});

it('serve explains a wrong variable', async () => {
  const { code, stderr } = await gitclaw(sandbox, ['serve'], { env: { ...env, PORT: 'many' } });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: PORT must be .*\nhint: correct the variable/);
});

it('migrate says what is applied, takes the newest back and applies it again', async () => {
  const info = async () => (await gitclaw(sandbox, ['migrate', 'info'], { env })).stdout.trim().split('\n');
  const all = await info();
  expect(all.length).toBeGreaterThan(3);
  expect(all.every((line) => line.endsWith('\tapplied'))).toBe(true);
  const newest = all.at(-1)?.split('\t')[0];
  expect((await gitclaw(sandbox, ['migrate', 'revert'], { env })).stdout).toBe(`reverted ${newest}\n`);
  expect((await info()).at(-1)).toBe(`${newest}\tmissing`);
  expect((await gitclaw(sandbox, ['migrate', 'run', '--json'], { env })).stdout).toContain(`"${newest}"`);
  expect((await gitclaw(sandbox, ['migrate', 'run'], { env })).stdout).toBe('up to date\n');
});

it('migrate tells that Postgres is not there', async () => {
  const gone = { ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
  const { code, stderr } = await gitclaw(sandbox, ['migrate', 'info'], { env: gone });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^error: Connection refused.*\nhint: check DATABASE_URL/);
});
