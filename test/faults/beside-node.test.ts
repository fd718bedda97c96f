/** Commands of operators beside a node that was started without any configuration. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { gitclaw } from '../support/cli.js';
import { type Deployment, embedded } from '../support/deployment.js';

let deployment: Deployment;
let agent: TestAgent;
let env: Record<string, string>;
let postmaster: string;

beforeAll(async () => {
  deployment = await embedded.start({ env: { CI_ENABLED: 'false' } });
  agent = await TestAgent.setup(deployment.url, 'beside');
  env = { ...deployment.env, PATH: process.env.PATH ?? '', PORT: new URL(deployment.url).port };
  postmaster = processes();
});
afterAll(async () => {
  agent?.dispose();
  await deployment?.stop();
});

const run = (...args: string[]) => gitclaw(agent.sandbox, args, { env });

/** Ids of the Postgres servers of the deployment's folder. */
function processes(): string {
  const cluster = join(env?.GITCLAW_DATA_DIR ?? deployment.env.GITCLAW_DATA_DIR!, 'postgres');
  const servers = readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`\0-D\0${cluster}\0`);
    } catch {
      return false;
    }
  });
  return servers.join();
}

test('doctor looks into everything, with no second Postgres on the folder', async () => {
  expect(postmaster).toMatch(/^\d+$/);
  const { code, stdout, stderr } = await run('doctor');
  expect([code, stderr]).toEqual([0, '']);
  for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^(ok {4}|warn {2}| {6})\S?/);
  expect(stdout).toMatch(/^ok {4}Postgres {8}\d+\.\d+ \(embedded, of the node that runs\), \d+ connections$/m);
  expect(stdout).toMatch(/^ok {4}schema {10}all \d+ migrations are applied$/m);
  expect(stdout).toMatch(/^ok {4}clocks /m);
  expect(stdout).toMatch(/^ok {4}address {9}a GitClaw node answers on 127\.0\.0\.1:\d+$/m);
  expect(processes()).toBe(postmaster);
});

test('the others work on the database of the node', async () => {
  const { repoId } = await agent.createRepo('seen');
  expect((await run('outbox', 'list', '--json')).code).toBe(0);
  const exported = await run('audit', 'export', '--output', 'log.jsonl', '--json');
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(agent.sandbox.path('log.jsonl'), 'utf8')).toContain(repoId);
  expect((await run('reconcile', '--json')).code).toBe(0);
  expect(processes()).toBe(postmaster);
  expect((await fetch(`${deployment.url}/health`)).status).toBe(200);
});

test('changes of the schema are refused while it runs', async () => {
  const { code, stderr } = await run('migrate', 'revert');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    /^error: .* is in use by another GitClaw \(process \d+\): .*\nhint: stop the node that runs there first\n$/,
  );
  expect((await fetch(`${deployment.url}/health/ready`)).status).toBe(200);
});

test('once the node has stopped they start the database themselves', async () => {
  await deployment.nodes[0]!.stop();
  expect(processes()).toBe('');
  const { stdout } = await run('doctor');
  expect(stdout).toMatch(/^ok {4}Postgres {8}\d+\.\d+ \(embedded\), \d+ connections$/m);
  expect(stdout).toMatch(/^ok {4}address {9}127\.0\.0\.1:\d+ is free$/m);
  expect(processes()).toBe('');
});
