/** Runners apart from the server, as operators start them, and the command line as agents use it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBubblewrapDriver } from '../../src/ci/drivers/bubblewrap.js';
import { TestAgent } from '../support/agent.js';
import { gitclaw } from '../support/cli.js';
import { type Deployment, s3 } from '../support/deployment.js';

let deployment: Deployment;
let ada: TestAgent;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  expect(
    await createBubblewrapDriver().probe(),
    'these tests need bubblewrap: apt-get install bubblewrap',
  ).toBeUndefined();
  deployment = await s3.start({ env: { CI_ENABLED: 'false', RATE_LIMIT_ENABLED: 'false' } });
  ada = await TestAgent.setup(deployment.url, 'ada');
});
afterAll(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await deployment.stop();
  ada.dispose();
});

/** `gitclaw worker --ci` in a process of its own. */
async function startWorker(name: string): Promise<ChildProcess> {
  const env = {
    ...deployment.env,
    PATH: process.env.PATH,
    CI_ENABLED: 'true',
    GITCLAW_DATA_DIR: ada.sandbox.path(name),
  };
  const worker = spawn(process.execPath, ['dist/cli/main.js', 'worker', '--ci'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  workers.push(worker);
  const [line] = await once(worker.stdout!, 'data');
  expect(String(line)).toBe('GitClaw runs CI\n');
  return worker;
}

async function open(name: string, run: string): Promise<{ repoId: string; prId: string }> {
  const { repoId, cloneUrl } = await ada.createRepo(name);
  const dir = ada.sandbox.path(name);
  const git = (...args: string[]) => ada.git(args, { cwd: dir });
  mkdirSync(dir);
  await git('init', '-q', '-b', 'main');
  await git('commit', '-q', '--allow-empty', '-m', 'first');
  await git('checkout', '-q', '-b', 'fix');
  writeFileSync(join(dir, '.gitclaw-ci.yml'), JSON.stringify({ steps: [{ name: 'only', run }] }));
  await git('add', '.');
  await git('commit', '-q', '-m', 'checks');
  await git('push', '-q', cloneUrl, 'main', 'fix');
  const input = { sourceBranch: 'fix', targetBranch: 'main', title: 'Fix' };
  return { repoId, prId: (await ada.client.createPull(repoId, input)).prId };
}

it('a run whose runner is killed is taken up by another one, once, and the command line shows it', async () => {
  const first = await startWorker('one');
  const { repoId, prId } = await open('demo', 'echo begun; sleep 3; echo done');
  const runs = () => ada.client.listCiRuns(repoId, prId);
  await expect
    .poll(async () => (await ada.client.ciLogs(repoId, prId))[0]?.status, { timeout: 20_000 })
    .toBe('running');
  let live = '';
  const onOut = (text: string) => {
    live += text;
  };
  const following = gitclaw(ada.sandbox, ['ci', 'logs', prId, '-f', '--repo', 'ada/demo'], { onOut });
  await expect.poll(() => live, { timeout: 20_000, interval: 50 }).toBe('begun\n');
  first.kill('SIGKILL');
  const killedAt = Date.now();
  await Promise.all([startWorker('two'), startWorker('three')]);
  await expect.poll(async () => (await runs())[0]?.status, { timeout: 50_000, interval: 200 }).toBe('passed');
  console.log(`taken over and done ${Date.now() - killedAt} ms after the kill`);
  const [run, ...others] = await runs();
  expect(others).toEqual([]);
  expect((await ada.client.ciRun(repoId, prId, run!.runId)).steps).toMatchObject([{ name: 'only', exitCode: 0 }]);
  expect(await ada.client.ciRunLogs(repoId, prId, run!.runId)).toMatch(/stdout:\nbegun\ndone\n$/);
  const events = await ada.client.listRepoAudit(repoId);
  expect(events.filter(({ action }) => action === 'ci_completed')).toHaveLength(1);

  const { stdout, stderr } = await following;
  expect(stdout).toBe('begun\nbegun\ndone\n');
  expect(stderr).toBe('another runner begins anew\nthe run ended: passed\n');

  const place = ['--repo', 'ada/demo'];
  expect((await ada.cli(['ci', 'list', prId, ...place])).stdout).toBe(
    `${run!.runId}\tpassed\t${run!.commitSha}\t${run!.startedAt}\n`,
  );
  expect((await ada.cli(['ci', 'logs', prId, ...place])).stdout).toBe('== only (passed)\nbegun\ndone\n');
  const past = await ada.cli(['ci', 'logs', '1', '-f', '--run', run!.runId, '--json', ...place]);
  const told = past.stdout.trim().split('\n');
  expect(JSON.parse(told.at(-1)!)).toEqual({ event: 'end', status: 'passed' });
  expect(told.map((line) => JSON.parse(line).text ?? '').join('')).toContain('begun\ndone\n');
  const again = (await ada.cli(['ci', 'trigger', '1', ...place])).stdout.trim();
  expect((await ada.cli(['ci', 'cancel', again, '1', ...place])).stdout).toBe('cancelled\n');
  expect((await ada.cli(['ci', 'logs', '1', '--run', run!.runId, ...place])).stdout).toContain('=== Step: only ===');
});
