import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { run } from '../support/git.js';
import { ServerProcess } from '../support/node.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** An account that exists on every Linux machine and owns nothing. */
const NOBODY = 65534;

let dataDir: string;
let agent: TestAgent | undefined;
let node: ServerProcess | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-program-'));
});

afterEach(async () => {
  await node?.stop();
  agent?.dispose();
  [node, agent] = [undefined, undefined];
  await rm(dataDir, { recursive: true, force: true });
});

const start = async (options: { env?: Record<string, string>; port?: number; program?: string[] } = {}) => {
  node = await ServerProcess.start({ ...options, env: { GITCLAW_DATA_DIR: dataDir, ...options.env } });
  return node;
};

/** Process id of the Postgres below the data folder, as its own lock file says. */
const postgresPid = async () =>
  Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);
const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the program without configuration', () => {
  test('says where it listens, where things are and what to type next', async () => {
    const { output, url } = await start();
    expect(output).toContain(`GitClaw listens on ${url}`);
    expect(output).toContain(`embedded Postgres in ${dataDir}`);
    expect(output).toContain(`npx gitclaw setup ${url}`);
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'healthy', service: 'gitclaw' });
  });

  test('starts again on the same data after kill -9 and after SIGINT, and ends its database', async () => {
    const { url, port } = await start();
    agent = await TestAgent.setup(url, 'durable');
    const { cloneUrl } = await agent.createRepo('kept');
    const { dir, refs } = await agent.sandbox.seedHistory({ seed: 31, commits: 60, merges: 5 });
    await agent.git(['push', '-q', '--mirror', cloneUrl], { cwd: dir });
    await node!.stop('SIGKILL');

    await start({ port });
    const copy = agent.sandbox.path('copy');
    await agent.git(['clone', '-q', '--mirror', cloneUrl, copy]);
    expect(await agent.sandbox.refs(copy)).toEqual(refs);
    const database = await postgresPid();
    expect(isRunning(database)).toBe(true);
    expect(await node!.stop('SIGINT')).toBe(0);
    expect(isRunning(database)).toBe(false);

    await start({ port });
    expect((await agent.remoteRefs(cloneUrl)).get('refs/heads/main')).toBe(refs.get('refs/heads/main'));
  });

  test('a copy of the data folder is a backup', async () => {
    const { url } = await start();
    agent = await TestAgent.setup(url, 'careful');
    const { cloneUrl } = await agent.createRepo('saved');
    const { dir, refs } = await agent.sandbox.seedHistory({ seed: 35, commits: 150 });
    await agent.git(['push', '-q', '--mirror', cloneUrl], { cwd: dir });
    const { port } = node!;
    await node!.stop();
    const backup = agent.sandbox.path('backup');
    await cp(dataDir, backup, { recursive: true });
    await rm(dataDir, { recursive: true });
    await cp(backup, dataDir, { recursive: true });

    await start({ port });
    const copy = agent.sandbox.path('copy');
    await agent.git(['clone', '-q', '--mirror', cloneUrl, copy]);
    expect(await agent.sandbox.refs(copy)).toEqual(refs);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
  });

  test('lets a push in flight finish after SIGTERM', async () => {
    const { url, port } = await start({ program: ['test/support/slow-node.mjs', 'push.before-commit'] });
    agent = await TestAgent.setup(url, 'in-flight');
    const { cloneUrl } = await agent.createRepo('arriving');
    const { dir, head } = await agent.sandbox.seedHistory({ seed: 32, commits: 30 });
    const pushing = agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir, ok: false });
    await expect.poll(() => node!.output, { timeout: 20_000 }).toContain('at push.before-commit');
    const ended = node!.stop('SIGTERM');
    const knock = () =>
      fetch(`${url}/health`).then(
        (answer) => answer.status,
        () => 'refused',
      );
    await expect.poll(knock, { timeout: 10_000 }).toBe('refused');
    node!.child.kill('SIGUSR2');
    expect((await pushing).code).toBe(0);
    expect(await ended).toBe(0);

    await start({ port });
    expect((await agent.remoteRefs(cloneUrl)).get('refs/heads/main')).toBe(head);
  });

  test.runIf(process.getuid?.() === 0)('runs under an ordinary account too', async () => {
    await chown(dataDir, NOBODY, NOBODY);
    await chmod(dataDir, 0o700);
    // The checkout may lie where only root can go, so the program is entered before the account changes.
    const program = join(ROOT, 'dist/main.js');
    const code = `process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY}); await import(process.argv[1]);`;
    const reachable = await run('setpriv', [`--reuid=${NOBODY}`, '--clear-groups', 'test', '-r', program], {});
    const args = ['--input-type=module', '-e', code, program];
    if (reachable.code !== 0) throw new Error(`an ordinary user cannot read ${program}; check out where it can`);
    await start({ program: args });
    const uid = /Uid:\s+(\d+)/.exec(await readFile(`/proc/${await postgresPid()}/status`, 'utf8'))?.[1];
    expect(Number(uid)).toBe(NOBODY);
    agent = await TestAgent.setup(node!.url, 'ordinary');
    const { cloneUrl } = await agent.createRepo('plain');
    const { dir } = await agent.sandbox.seedHistory({ seed: 33, commits: 5 });
    await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
  });
});

describe('a start that cannot work', () => {
  const fails = async (env: Record<string, string>, cwd = ROOT) => {
    const given = { PATH: process.env.PATH ?? '', GITCLAW_DATA_DIR: dataDir, PORT: '0', ...env };
    const child = spawn(process.execPath, [join(ROOT, 'dist/main.js')], { cwd, env: given });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
    return text;
  };

  test.each([
    ['PORT', { PORT: 'http' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://localhost/x' }],
    ['S3_BUCKET', { S3_BUCKET: 'No_Bucket' }],
    ['GITCLAW_STRICT_BINDING', { GITCLAW_STRICT_BINDING: 'perhaps' }],
  ])('names %s in one line', async (name, env) => {
    expect(await fails(env)).toMatch(new RegExp(`^gitclaw cannot start: ${name} [^\\n]+\\n$`));
  });

  test('says which Postgres refused', async () => {
    const text = await fails({ DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x' });
    expect(text).toMatch(/^gitclaw cannot start: .*127\.0\.0\.1:1.*\n$/);
    expect(text).toContain('Connection refused');
    expect(text).not.toContain('secret');
  });

  test('reads .env in its folder, and names a line that says nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gitclaw-dotenv-'));
    await writeFile(join(folder, '.env'), 'DATABASE_URL=mysql://localhost/x\n');
    expect(await fails({}, folder)).toMatch(/^gitclaw cannot start: DATABASE_URL [^\n]+\n$/);
    await writeFile(join(folder, '.env'), 'HOST=127.0.0.1\nPORT 80\n');
    expect(await fails({}, folder)).toBe(
      `gitclaw cannot start: ${join(folder, '.env')} line 2 is not NAME=value, "NAME='value with spaces'" or a comment\n`,
    );
    await rm(folder, { recursive: true, force: true });
  });

  test('says which bucket is not reached, and what to check', async () => {
    const text = await fails({
      ...{ S3_BUCKET: 'objects', S3_ENDPOINT: 'http://127.0.0.1:9', S3_MAX_RETRIES: '0' },
      ...{ S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: 'geheim' },
    });
    expect(text).toBe(
      'gitclaw cannot start: The object storage cannot be reached (bucket objects at http://127.0.0.1:9): check S3_ENDPOINT, and that this machine reaches it\n',
    );
  });

  test('says that the data folder is a file', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    expect(await fails({ GITCLAW_DATA_DIR: file })).toMatch(/^gitclaw cannot start: GITCLAW_DATA_DIR .*\n$/);
  });

  test('says that the port is taken', async () => {
    const { port } = await start();
    const other = await mkdtemp(join(tmpdir(), 'gitclaw-other-'));
    const text = await fails({ PORT: String(port), GITCLAW_DATA_DIR: other });
    expect(text).toMatch(/^gitclaw cannot start: PORT \d+ .* in use by another program\n$/);
    await rm(other, { recursive: true, force: true });
  });
});

test('a connection that is cut in the middle of a push leaves nothing behind', async () => {
  const { url } = await start();
  agent = await TestAgent.setup(url, 'cut');
  const { cloneUrl, repoId } = await agent.createRepo('whole');
  const token = agent.client.gitToken({ url: cloneUrl, service: 'git-receive-pack' });
  const command = `${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/main\0report-status`;
  const line = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`;
  const headers = {
    authorization: `GitClaw ${token}`,
    'content-type': 'application/x-git-receive-pack-request',
    'content-length': '1000000',
  };
  const push = request(`${cloneUrl}/git-receive-pack`, { method: 'POST', headers });
  push.on('error', () => {});
  const part = Buffer.concat([Buffer.from(line, 'latin1'), Buffer.from('PACK'), Buffer.alloc(5000)]);
  await new Promise((resolve) => push.write(part, resolve));
  push.destroy();
  const pushed = async () => (await agent!.client.audit({ resource_id: repoId })) as { events: { action: string }[] };
  expect((await pushed()).events.map(({ action }) => action)).not.toContain('push');
  expect((await agent.remoteRefs(cloneUrl)).size).toBe(0);
  const { dir, head } = await agent.sandbox.seedHistory({ seed: 34, commits: 5 });
  await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
  expect((await agent.remoteRefs(cloneUrl)).get('refs/heads/main')).toBe(head);
});
