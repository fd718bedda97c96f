import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, s3 } from '../support/deployment.js';
import { Prometheus, prometheusProgram } from '../support/prometheus.js';
import { WorkerProcess } from '../support/worker.js';

const run = promisify(execFile);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ALERTS = here('../../src/monitoring/alerts.yaml');

interface Panel {
  title: string;
  type: string;
  targets?: { expr: string; legendFormat: string }[];
}

describe('alert rules', () => {
  test('are valid, and each of them fires when it should and only then', async () => {
    const promtool = await prometheusProgram('promtool');
    expect((await run(promtool, ['check', 'rules', ALERTS])).stdout).toContain('SUCCESS');
    const unit = await run(promtool, ['test', 'rules', here('alerts.test.yaml')]);
    expect(unit.stdout).toContain('SUCCESS');
    const names = [...(await readFile(ALERTS, 'utf8')).matchAll(/alert: (\w+)/g)].map((match) => match[1]);
    const tested = await readFile(here('alerts.test.yaml'), 'utf8');
    for (const name of names) {
      expect(tested, `${name} is tested`).toMatch(new RegExp(`alertname: ${name}\\s+exp_alerts:\\s+- exp_labels`));
      expect(tested, `${name} is tested not to fire`).toMatch(new RegExp(`alertname: ${name}\\s+exp_alerts: \\[\\]`));
    }
  });
});

describe('a node and a worker that Prometheus scrapes', () => {
  let deployment: Deployment;
  let worker: WorkerProcess;
  let agent: TestAgent;
  let prometheus: Prometheus;
  let panels: Panel[];
  let cloneUrl: string;
  let dir: string;
  let pushes = 0;

  beforeAll(async () => {
    deployment = await s3.start({ env: { CI_ENABLED: 'false' } });
    agent = await TestAgent.setup(deployment.url, 'busy');
    worker = await WorkerProcess.start({
      ...deployment.env,
      GITCLAW_DATA_DIR: agent.sandbox.path('worker'),
      WORKER_PORT: '0',
    });
    prometheus = await Prometheus.start([deployment.url, worker.url].map((url) => new URL(url).host));
    const dashboard = JSON.parse(await readFile(here('../../src/monitoring/dashboard.json'), 'utf8'));
    panels = dashboard.panels.filter(({ type }: Panel) => type !== 'row');
    cloneUrl = (await agent.createRepo('watched')).cloneUrl;
    dir = (await agent.sandbox.seedHistory({ seed: 71, commits: 5 })).dir;
    for (const copy of ['one', 'two', 'three']) {
      await push(copy);
      await agent.git(['clone', '-q', cloneUrl, agent.sandbox.path(copy)]);
    }
  });

  async function push(message: string): Promise<void> {
    await agent.git(['commit', '-q', '--allow-empty', '-m', message], { cwd: dir });
    await agent.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
    pushes += 1;
  }

  /** What a query gives while pushes go on: a rate is the difference of two looks at a counter that is there. */
  async function whilePushing(query: string): Promise<unknown[]> {
    await push(query);
    return prometheus.query(query);
  }

  afterAll(async () => {
    await prometheus?.stop();
    await worker?.stop();
    agent?.dispose();
    await deployment?.stop();
  });

  test('answer, and count what is done', async () => {
    await expect.poll(() => prometheus.query('up{job="gitclaw"} == 1'), { timeout: 30_000 }).toHaveLength(2);
    const pushed = 'sum(rate(git_requests_total{operation="push"}[30s])) > 0';
    await expect.poll(() => whilePushing(pushed), { timeout: 50_000, interval: 500 }).toHaveLength(1);
    const audited = 'sum(rate(audit_events_total{action="push"}[1m])) > 0';
    await expect.poll(() => whilePushing(audited), { timeout: 50_000, interval: 500 }).toHaveLength(1);
  }, 150_000);

  test('have data for every query of the dashboard', async () => {
    const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    expect(queries.length).toBeGreaterThan(30);
    for (const { title, expr } of queries) {
      const concrete = expr
        .replaceAll('$job', 'gitclaw')
        .replaceAll('$instance', '.*')
        .replaceAll('$__rate_interval', '1m');
      const samples = await prometheus.query(concrete);
      expect(samples.length, `${title}: ${concrete}`).toBeGreaterThan(0);
    }
  });

  test('have labels for every legend of the dashboard', async () => {
    for (const { targets = [] } of panels) {
      for (const { expr, legendFormat } of targets) {
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          if (label !== 'instance')
            expect(expr, `${expr} has ${label}`).toMatch(new RegExp(`by \\([^)]*\\b${label}\\b`));
        }
      }
    }
  });

  test('have data for both sides of every rule, and none of them fires', async () => {
    await expect
      .poll(async () => (await prometheus.rules()).map(({ health }) => health), { timeout: 30_000 })
      .toEqual(Array.from({ length: 14 }, () => 'ok'));
    for (const { name, query, state, lastError } of await prometheus.rules()) {
      expect([name, lastError ?? '']).toEqual([name, '']);
      expect(['inactive', 'pending'], `${name} is ${state}`).toContain(state);
      const selectors = query.match(/\b[a-z]\w+\{[^}]*\}/g) ?? [];
      expect(selectors.length, name).toBeGreaterThan(0);
      for (const selector of selectors) {
        const optional = /outcome="failed"|s3_error_total|status=~"5\.\."|outbox_events/.test(selector);
        const asked = optional ? selector.replace(/, (outcome|error_type|status)[^,}]*/g, '') : selector;
        const samples = await prometheus.query(asked);
        if (!optional) expect(samples.length, `${name}: ${asked}`).toBeGreaterThan(0);
      }
    }
  });

  test('tell of pushes, clones, connections and audit events in numbers that are right', async () => {
    const value = async (expression: string) => Number((await prometheus.query(expression))[0]?.value[1]);
    const node = `instance="${new URL(deployment.url).host}"`;
    // A push is counted when its answer has ended, an audit event when it is written: one scrape may come between them.
    const settles = (expression: string) => expect.poll(() => value(expression), { timeout: 30_000 });
    await settles('sum(audit_events_total{action="push"})').toBe(pushes);
    await settles(`git_requests_total{${node}, operation="push", outcome="ok"}`).toBe(pushes);
    await settles(`git_requests_total{${node}, operation="clone", outcome="ok"}`).toBe(3);
    expect(await value(`db_pool_connections{${node}, state="max"}`)).toBe(9);
    expect(await value(`sum(db_pool_connections{${node}, state=~"active|idle"})`)).toBe(9);
    expect(await value('db_pool_busy_seconds_total')).toBeGreaterThan(0);
    expect(await value('rate(db_pool_busy_seconds_total[1m])')).toBeLessThan(9);
    expect(await value('sum(job_runs_total{outcome="ok"})')).toBeGreaterThan(10);
  });

  test('tell of the work of the worker as of that of the node', async () => {
    const instance = `instance="${new URL(worker.url).host}"`;
    for (const selector of [
      `job_runs_total{${instance}, outcome="ok"}`,
      `outbox_lag_seconds{${instance}}`,
      `ci_runs{${instance}}`,
      `ci_runs_ended_total{${instance}}`,
      `db_pool_busy_seconds_total{${instance}}`,
      `nodejs_eventloop_lag_p99_seconds{${instance}}`,
    ])
      expect((await prometheus.query(selector)).length, selector).toBeGreaterThan(0);
  });

  test('name routes by their patterns alone, so that labels stay few', async () => {
    const routes = (await prometheus.query('count by (route) (http_requests_total)')).map(({ metric }) => metric.route);
    expect(routes.length).toBeGreaterThan(4);
    for (const route of routes) expect(route).toMatch(/^(unmatched|\/|(\/(:?[a-z0-9.{}\-_+]+))+)$/i);
    expect(routes.join(' ')).not.toMatch(/busy|watched/);
  });
});
