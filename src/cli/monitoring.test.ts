import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import { MONITORING_FILES } from '../monitoring/index.js';

let sandbox: GitSandbox;
beforeAll(() => {
  sandbox = new GitSandbox();
});
afterAll(() => sandbox.dispose());

it('prints what operators feed to Prometheus and Grafana', async () => {
  const printed = new Map<string, string>();
  for (const name of MONITORING_FILES) {
    const { code, stdout } = await gitclaw(sandbox, ['monitoring', name]);
    expect(code).toBe(0);
    printed.set(name, stdout);
  }
  expect(printed.get('alerts')).toBe(await readFile(new URL('../monitoring/alerts.yaml', import.meta.url), 'utf8'));
  expect(JSON.parse(printed.get('dashboard') ?? '')).toMatchObject({ title: 'GitClaw', uid: 'gitclaw' });
  expect(printed.get('prometheus')).toContain('job_name: gitclaw');
});

it('says what there is when asked for something else', async () => {
  const { code, stderr, stdout } = await gitclaw(sandbox, ['monitoring', 'logs']);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/alerts, dashboard, prometheus/);
});
