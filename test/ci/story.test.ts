/** Agents whose changes are checked: plain git, real sandboxes, the server and its runners as they are deployed. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBubblewrapDriver } from '../../src/ci/drivers/bubblewrap.js';
import { startCiRunner } from '../../src/ci/index.js';
import { startJobs } from '../../src/jobs/index.js';
import { startGitApp } from '../support/git-app.js';
import { newAgent, send, type TestAgent, type TestApp } from '../support/http.js';
import { code, PullBench } from '../support/pulls.js';

let app: TestApp;
let owner: TestAgent;
let bench: PullBench;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  expect(
    await createBubblewrapDriver().probe(),
    'these tests need bubblewrap: apt-get install bubblewrap',
  ).toBeUndefined();
  app = await startGitApp();
  const jobs = startJobs(app.ctx);
  const runner = startCiRunner(app.ctx, createBubblewrapDriver());
  stops.push(
    () => runner.stop(),
    () => jobs.stop(),
  );
  owner = await newAgent(app);
  bench = await PullBench.start(app, { owner });
});
afterAll(async () => {
  for (const stop of stops) await stop();
  await app.close();
  bench.dispose();
});

const config = (steps: object[], more: object = {}) => JSON.stringify({ ...more, steps });
const ci = async (prId: string, path: string) => (await send(app.url, `${bench.path}/${prId}/ci/${path}`)).json.data;
const runs = async (prId: string) =>
  (await ci(prId, 'runs')).runs as { runId: string; status: string; commitSha: string }[];
const ciStatus = async (prId: string) => (await bench.get(prId)).json.data.ciStatus as string;

async function until<T>(look: () => Promise<T | undefined | false>, ms = 20_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${look}`);
    await sleep(20);
  }
}
const ended = (prId: string) =>
  until(async () => (await runs(prId)).find(({ status }) => !['pending', 'running'].includes(status)));

let branches = 0;
/** A pull request whose head has this configuration. */
async function opened(ciFile: string, files: Record<string, string> = {}) {
  const branch = `b${++branches}`;
  const head = await bench.branch(branch, { '.gitclaw-ci.yml': ciFile, ...files });
  return { branch, head, prId: await bench.opened(owner, branch) };
}
/** Runs commands and gives the log. */
async function ran(run: string, more: object = {}, files: Record<string, string> = {}) {
  const { prId } = await opened(config([{ name: 'step', run }], more), files);
  const { runId, status } = await ended(prId);
  return { status, log: (await ci(prId, `runs/${runId}/logs`)).logs as string };
}

describe('a change with checks', () => {
  it('is checked on push, passes, and opens the merge gate', async () => {
    const { prId, branch } = await opened(config([{ name: 'wrong', run: 'exit 3' }]));
    const failed = await ended(prId);
    expect([failed.status, await ciStatus(prId)]).toEqual(['failed', 'failed']);
    await bench.review(await newAgent(app), prId, 'approve');
    expect(code(await bench.merge(owner, prId))).toEqual([400, 'MERGE_BLOCKED']);

    const steps = [
      { name: 'look', run: 'cat README.md; echo oops >&2' },
      { name: 'may fail', run: 'exit 7', continue_on_error: true },
      { name: 'env', run: 'echo $A$B; pwd', env: { B: 'two' }, working_dir: 'sub' },
    ];
    const head = await bench.commit({ '.gitclaw-ci.yml': config(steps, { env: { A: 'one' } }), 'sub/f': 'x' });
    const begun = Date.now();
    await bench.push(branch);
    await until(async () => (await runs(prId)).find((run) => run.commitSha === head && run.status !== 'pending'));
    const startMs = Date.now() - begun;
    const done = await until(async () =>
      (await runs(prId)).find((run) => run.commitSha === head && run.status === 'passed'),
    );
    console.log(`from push to start ${startMs} ms, to the end ${Date.now() - begun} ms`);
    expect(startMs).toBeLessThan(10_000);
    expect(await ciStatus(prId)).toBe('passed');

    const { logs } = await ci(prId, `runs/${done.runId}/logs`);
    expect(logs).toBe(
      '\n=== Step: look ===\nCommand: cat README.md; echo oops >&2\nExit code: 0\nstdout:\none\ntwo\nthree\nfour\nfive\nstderr:\noops\n' +
        '\n=== Step: may fail ===\nCommand: exit 7\nExit code: 7\n' +
        '\n=== Step: env ===\nCommand: echo $A$B; pwd\nExit code: 0\nstdout:\nonetwo\n/workspace/sub\n',
    );
    expect((await ci(prId, `runs/${done.runId}`)).steps).toMatchObject([
      { name: 'look', order: 0, exitCode: 0, passed: true },
      { name: 'may fail', order: 1, exitCode: 7, passed: false },
      { name: 'env', order: 2, exitCode: 0, passed: true },
    ]);
    expect((await bench.merge(owner, prId)).status).toBe(200);
    const events = (await send(app.url, `/v1/repos/${bench.repoId}/audit?limit=100`)).json.data.events;
    const actions = events.filter(({ resourceId }: { resourceId: string }) => resourceId === done.runId);
    expect(actions.map(({ action }: { action: string }) => action).sort()).toEqual([
      'ci_completed',
      'ci_logs_stored',
      'ci_triggered',
    ]);
  });

  it('fails with what the parser says when the file cannot be read', async () => {
    const { prId } = await opened('steps: []');
    const run = await ended(prId);
    expect([run.status, await ciStatus(prId)]).toEqual(['failed', 'failed']);
    expect((await ci(prId, `runs/${run.runId}/logs`)).logs).toMatch(/^\.gitclaw-ci\.yml cannot be read: steps: /);
  });

  it('stops when its time is over', async () => {
    const { status, log } = await ran('echo begun; sleep 60', { timeout: 2 });
    expect(status).toBe('timed_out');
    expect(log).toContain('begun');
    expect(log).toContain('The run was stopped after 2 seconds.');
    expect(sleepers('sleep 60')).toBe(0);
  });

  it('stops when it is cancelled, and can be started again', async () => {
    const { prId } = await opened(config([{ name: 'long', run: 'echo begun; sleep 61' }]));
    const { runId } = await until(async () => (await runs(prId)).find(({ status }) => status === 'running'));
    await until(async () => (await ci(prId, 'logs')).logs[0].status === 'running');
    const path = `${bench.path}/${prId}/ci/runs/${runId}/cancel`;
    const answer = await bench.signed(owner, 'ci_cancel', path, { prId, runId });
    expect([answer.status, answer.json.data.status]).toEqual([200, 'cancelled']);
    expect(await ciStatus(prId)).toBe('failed');
    await until(async () => sleepers('sleep 61') === 0);
    expect(code(await bench.signed(owner, 'ci_cancel', path, { prId, runId }))).toEqual([409, 'CONFLICT']);
    const again = await bench.signed(owner, 'ci_trigger', `${bench.path}/${prId}/ci/trigger`, {
      prId,
      commitSha: null,
    });
    expect([again.status, again.json.data.status]).toEqual([202, 'pending']);
    expect(await ciStatus(prId)).not.toBe('failed');
    await until(async () => (await runs(prId)).some((run) => run.status === 'running'));
    await bench.close(owner, prId);
    await until(async () => (await runs(prId)).every((run) => run.status === 'cancelled'));
  });

  it('gives way to a new head, also one without checks', async () => {
    const { prId, branch } = await opened(config([{ name: 'long', run: 'sleep 62' }]));
    await until(async () => (await runs(prId)).some(({ status }) => status === 'running'));
    const head = await bench.commit({ '.gitclaw-ci.yml': config([{ name: 'long', run: 'sleep 63' }]) });
    await bench.push(branch);
    await until(async () => (await runs(prId)).some((run) => run.commitSha === head && run.status === 'running'));
    expect((await runs(prId)).map(({ status }) => status)).toEqual(['running', 'cancelled']);
    await bench.commit({ '.gitclaw-ci.yml': null as unknown as string });
    await bench.push(branch);
    await until(async () => (await runs(prId)).every(({ status }) => status === 'cancelled'));
    expect(await ciStatus(prId)).toBe('passed');
    await until(async () => sleepers('sleep 62') + sleepers('sleep 63') === 0);
  });
});

/** Processes of this machine with this command line. */
function sleepers(command: string): number {
  const lines = execFileSync('ps', ['-eo', 'args']).toString().split('\n');
  return lines.filter((line) => line.trim() === command).length;
}

describe('a sandbox', () => {
  it('has no network', async () => {
    const port = new URL(app.url).port;
    const { log } = await ran(
      `cat /proc/net/dev; timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}' && echo REA''CHED`,
    );
    expect(log).not.toContain('REACHED');
    expect(log).toMatch(/lo:/);
    expect(log).not.toMatch(/eth\d|ens\d/);
  });

  it('shows nothing of the machine and its server', async () => {
    process.env.CI_TEST_SECRET = 'open-sesame';
    const { log } = await ran(
      'id -u; cat /etc/shadow; ls /root /home /var; env; cat /proc/*/environ | tr "\\0" "\\n"; ls /; touch /x /usr/x; unshare -Ur echo NES\'\'TED; test -w /usr',
    );
    expect(log).toMatch(/stdout:\n1000\n/);
    expect(log).not.toMatch(/root:|open-sesame|DATABASE_URL|node_modules|NESTED/);
    expect(log).toContain('Exit code: 1');
    for (const path of ['/etc/shadow', '/root', '/home', '/var'])
      expect(log).toMatch(new RegExp(`'?${path}'?: No such`));
    expect(log.match(/Read-only file system/g)).toHaveLength(2);
  });

  it('withstands a fork bomb, and the next step runs', async () => {
    const steps = [
      { name: 'bomb', run: 'bomb() { bomb | bomb & }; bomb; sleep 1; exit 1', continue_on_error: true },
      { name: 'after', run: 'echo alive; ls /proc | grep -c "^[0-9]"' },
    ];
    const { prId } = await opened(config(steps, { timeout: 30 }));
    const run = await ended(prId);
    const { logs } = await ci(prId, `runs/${run.runId}/logs`);
    expect(run.status).toBe('passed');
    expect(logs).toMatch(/alive\n\d{1,2}\n$/);
  });

  it('has as much disk and memory as it was given', async () => {
    const resources = { disk: 16 * 1024 * 1024, memory: 64 * 1024 * 1024 };
    const disk = await ran('dd if=/dev/zero of=/workspace/big bs=1M count=64; ls -l', { resources });
    expect(disk.log).toContain('No space left on device');
    const memory = await ran(
      'awk \'BEGIN { s = "x"; while (length(s) < 500000000) s = s s; print "got " length(s) }\'',
      { resources },
    );
    expect([memory.status, memory.log]).toEqual(['failed', expect.not.stringMatching(/got \d/)]);
  });

  it('ends what a step leaves behind', async () => {
    const steps = [
      { name: 'leave', run: 'sleep 64 & (setsid sleep 64 &) ; echo left' },
      { name: 'look', run: 'ps -e 2>/dev/null || ls /proc' },
    ];
    const { prId } = await opened(config(steps));
    const run = await ended(prId);
    expect(run.status).toBe('passed');
    expect((await ci(prId, `runs/${run.runId}/logs`)).logs).not.toMatch(/=== Step: look[\s\S]*sleep/);
  });

  it('keeps a large log out of the database', async () => {
    const { prId } = await opened(config([{ name: 'talk', run: 'yes | head -c 3000000; echo end >&2' }]));
    const run = await ended(prId);
    const { logs } = await ci(prId, `runs/${run.runId}/logs`);
    expect(run.status).toBe('passed');
    expect(Buffer.byteLength(logs)).toBeGreaterThan(1024 * 1024);
    expect(Buffer.byteLength(logs)).toBeLessThan(1024 * 1024 + 1000);
    expect(logs).toContain('[output beyond the limit is left out]');
    const [row] = await app.ctx.db.sql`SELECT length(logs) AS n, log_key FROM ci_runs WHERE run_id = ${run.runId}`;
    expect(row).toMatchObject({ n: 0, log_key: expect.stringContaining(run.runId) });
  });
});
